# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
# Puma as a cluster, with a leak as in wsgi.py.
workers 4
threads 1, 4
bind 'tcp://0.0.0.0:8000'
environment 'production'
leak = (Float(ENV.fetch('LEAK_MIB', '1')) * 1_048_576).to_i
work = Float(ENV.fetch('WORK_SECONDS', '0.02'))
kept = []
app do |env|
  kept << ('Z' * leak) if env['PATH_INFO'] == '/leak'
  sleep work
  body = "#{Process.pid}\n"
  [200, { 'content-type' => 'text/plain', 'content-length' => body.bytesize.to_s }, [body]]
end
