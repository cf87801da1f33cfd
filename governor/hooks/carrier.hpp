// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/hooks/transport.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>

namespace governor::hooks {

/// Takes one parcel at a time off the loop. Loop's thread only.
class Carrier {
  public:
    using Done = std::function<void(Outcome)>;

    Carrier() = default;
    Carrier(const Carrier&) = delete;
    Carrier& operator=(const Carrier&) = delete;
    virtual ~Carrier() = default;

    /// `done` is called later on the loop; never when the carrier is destroyed before. Not to be called again
    /// before that.
    virtual void carry(Parcel parcel, Done done) = 0;
};

/// A thread for one target: one that hangs can delay no other, and a name server that does not answer
/// (getaddrinfo cannot be interrupted) holds up nobody else. Destroying it stops the attempt and does not
/// wait for it.
class ThreadCarrier final : public Carrier {
  public:
    ThreadCarrier(boost::asio::any_io_executor loop, std::unique_ptr<Transport> transport);
    ~ThreadCarrier() override;
    void carry(Parcel parcel, Done done) override;
    /// Expires when the thread has ended.
    std::weak_ptr<const void> thread() const;

  private:
    struct Shared;

    boost::asio::any_io_executor loop_;
    std::shared_ptr<Shared> shared_;  ///< held by the thread too, which may outlive this
};

}  // namespace governor::hooks
