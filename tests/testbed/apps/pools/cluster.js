// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
// A cluster of Node.js processes, with a leak as in wsgi.py. Node has no graceful stop of its own: SIGTERM ends a worker at once, unless
// the application handles it. These ten lines are what policies/presets/node.yaml asks of an application.
const cluster = require('cluster');
const http = require('http');

if (cluster.isPrimary) {
  for (let n = 0; n < 4; n++) cluster.fork();
  cluster.on('exit', () => cluster.fork());  // the parent replaces a worker that has ended
  process.on('SIGTERM', () => process.exit(0));
} else {
  const leak = (process.env.LEAK_MIB || 1) * 1048576;
  const work = (process.env.WORK_SECONDS || 0.02) * 1000;
  const kept = [];
  let leaving = false;
  const server = http.createServer((request, response) => {
    if (request.url === '/leak') kept.push(Buffer.alloc(leak, 'Z'));
    setTimeout(() => {
      if (leaving) response.setHeader('Connection', 'close');
      response.setHeader('Content-Type', 'text/plain');
      response.end(`${process.pid}\n`);
    }, work);
  });
  server.listen(8000, '0.0.0.0');
  process.on('SIGTERM', () => {
    leaving = true;
    cluster.worker.disconnect();  // no new connections; the process ends when the last one is closed
  });
}
