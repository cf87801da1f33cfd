// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tl/expected.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

struct sqlite3;
struct sqlite3_stmt;

/// SQLite's C interface as values that clean up after themselves. One thread at a time; nothing throws.
namespace governor::journal::sqlite {

/// An expected failure. The message says what was tried, on which file, and SQLite's reason.
struct Error {
    int code = 0;  ///< SQLite's primary result code (SQLITE_FULL, …)
    std::string message;

    /// The file is no database, or what is in it contradicts itself.
    bool damaged() const;
    /// No space left, or a limit that was set is reached.
    bool full() const;
    /// The file or its folder is missing, or may not be written.
    bool denied() const;
};

template <class T>
using Result = tl::expected<T, Error>;

/// One prepared statement. Parameters are bound in their order. The Database must outlive it.
class Statement {
  public:
    Statement& bind(std::int64_t value);
    Statement& bind(std::uint64_t value);
    /// The text is copied.
    Statement& bind(std::string_view text);

    /// True: there is a row to read. False: done. Binding errors are told here.
    Result<bool> step();
    /// For statements without rows: runs it and makes it ready to be bound anew.
    Result<void> run();

    std::int64_t integer(int column) const;
    std::uint64_t natural(int column) const { return static_cast<std::uint64_t>(integer(column)); }
    std::string text(int column) const;

  private:
    friend class Database;
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const;
    };
    Statement(sqlite3_stmt* statement, std::string path) : statement_(statement), path_(std::move(path)) {}

    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
    std::string path_;
    int next_ = 1;  ///< parameter to be bound
    int bind_error_ = 0;
};

/// A connection to a database file.
class Database {
  public:
    /// Makes the file when it is missing (mode 0640), not its folder. `busy` is how long another program's
    /// lock is waited for.
    static Result<Database> open(const std::string& path, std::chrono::milliseconds busy);

    /// Statements without parameters, several with semicolons between them.
    Result<void> run(const std::string& sql);
    Result<Statement> prepare(std::string_view sql);
    /// The first column of the first row: for pragmas and aggregates.
    Result<std::int64_t> number(std::string_view sql);
    /// Rows that the last statement inserted, changed or deleted.
    std::int64_t changes() const;
    const std::string& path() const { return path_; }

  private:
    struct Close {
        void operator()(sqlite3* database) const;
    };
    explicit Database(std::string path) : path_(std::move(path)) {}

    std::unique_ptr<sqlite3, Close> database_;
    std::string path_;
};

/// What is not committed is undone when it goes.
class Transaction {
  public:
    static Result<Transaction> begin(Database& database);
    Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
    Transaction& operator=(Transaction&&) = delete;
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    ~Transaction();

    Result<void> commit();

  private:
    explicit Transaction(Database& database) : database_(&database) {}

    Database* database_;
};

}  // namespace governor::journal::sqlite
