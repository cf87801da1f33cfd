// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/journal/sqlite.hpp"

#include "cgroup/fd.hpp"

#include <fcntl.h>
#include <sqlite3.h>

#include <cerrno>
#include <cstring>

namespace governor::journal::sqlite {
namespace {

constexpr mode_t kMode = 0640;

/// The primary code: the extended ones tell more than anybody decides on.
int primary(int code) {
    return code & 0xff;
}

Error error_of(sqlite3* database, int code, const std::string& what, const std::string& path) {
    std::string text = "cannot " + what + " " + path + ": ";
    text += database == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(database);
    const int system = database == nullptr ? 0 : sqlite3_system_errno(database);
    const bool about_files = primary(code) == SQLITE_CANTOPEN || primary(code) == SQLITE_IOERR;
    if (about_files && system != 0) text += std::string(" (") + std::strerror(system) + ")";
    return Error{primary(code), std::move(text)};
}

}  // namespace

bool Error::damaged() const {
    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}
bool Error::full() const {
    return code == SQLITE_FULL;
}
bool Error::denied() const {
    return code == SQLITE_CANTOPEN || code == SQLITE_READONLY || code == SQLITE_PERM || code == SQLITE_AUTH;
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
    sqlite3_finalize(statement);
}

Statement& Statement::bind(std::int64_t value) {
    if (const int code = sqlite3_bind_int64(statement_.get(), next_++, value); code != SQLITE_OK)
        bind_error_ = code;
    return *this;
}

Statement& Statement::bind(std::uint64_t value) {
    return bind(static_cast<std::int64_t>(value));
}

Statement& Statement::bind(std::string_view text) {
    if (const int code = sqlite3_bind_text64(statement_.get(), next_++, text.data(), text.size(),
                                             SQLITE_TRANSIENT, SQLITE_UTF8);
        code != SQLITE_OK)
        bind_error_ = code;
    return *this;
}

Result<bool> Statement::step() {
    const int code = bind_error_ != 0 ? bind_error_ : sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return tl::make_unexpected(error_of(sqlite3_db_handle(statement_.get()), code, "use", path_));
}

Result<void> Statement::run() {
    const auto stepped = step();
    sqlite3_reset(statement_.get());
    next_ = 1;
    bind_error_ = 0;
    if (!stepped) return tl::make_unexpected(stepped.error());
    return {};
}

std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(statement_.get(), column);
}

std::string Statement::text(int column) const {
    const void* bytes = sqlite3_column_blob(statement_.get(), column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
    return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
}

void Database::Close::operator()(sqlite3* database) const {
    sqlite3_close_v2(database);
}

Result<Database> Database::open(const std::string& path, std::chrono::milliseconds busy) {
    // SQLite would make it readable by everybody; its -wal and -shm files take over this file's mode.
    const cgroups::UniqueFd made(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kMode));
    if (!made) {
        return tl::make_unexpected(
            Error{SQLITE_CANTOPEN, "cannot open " + path + " for writing: " + std::strerror(errno)});
    }
    Database out(path);
    sqlite3* raw = nullptr;
    const int code =
        sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    out.database_.reset(raw);
    if (code != SQLITE_OK) return tl::make_unexpected(error_of(raw, code, "open", path));
    sqlite3_extended_result_codes(raw, 1);
    sqlite3_busy_timeout(raw, static_cast<int>(busy.count()));
    return out;
}

Result<void> Database::run(const std::string& sql) {
    const int code = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return tl::make_unexpected(error_of(database_.get(), code, "use", path_));
    return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
    sqlite3_stmt* raw = nullptr;
    const int code =
        sqlite3_prepare_v2(database_.get(), sql.data(), static_cast<int>(sql.size()), &raw, nullptr);
    Statement out(raw, path_);
    if (code != SQLITE_OK) return tl::make_unexpected(error_of(database_.get(), code, "use", path_));
    return out;
}

Result<std::int64_t> Database::number(std::string_view sql) {
    auto statement = prepare(sql);
    if (!statement) return tl::make_unexpected(statement.error());
    const auto row = statement->step();
    if (!row) return tl::make_unexpected(row.error());
    return *row ? statement->integer(0) : 0;
}

std::int64_t Database::changes() const {
    return sqlite3_changes64(database_.get());
}

Result<Transaction> Transaction::begin(Database& database) {
    // IMMEDIATE: a lock that cannot be had is told here, not in the middle.
    if (auto begun = database.run("BEGIN IMMEDIATE"); !begun) return tl::make_unexpected(begun.error());
    return Transaction(database);
}

Transaction::~Transaction() {
    // Some failures have rolled back already; that this one fails then is right.
    if (database_ != nullptr) static_cast<void>(database_->run("ROLLBACK"));
}

Result<void> Transaction::commit() {
    auto done = database_->run("COMMIT");
    if (done) database_ = nullptr;
    return done;
}

}  // namespace governor::journal::sqlite
