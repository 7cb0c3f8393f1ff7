// SPDX-License-Identifier: BSD-3-Clause
// The socket to a process manager, and what PMI-1 and PMI-2 share: how they are found, how they are waited
// for, and values in letters that no wire syntax minds.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "job/job.hpp"

namespace tally::job {

/// Text in and out. Waits for the other side are reported as other waits of the library are: TALLY_WARN,
/// TALLY_TIMEOUT (docs/cluster.md).
class PmiSocket {
 public:
  /// Takes over PMI_FD, or connects to PMI_PORT. `protocol` names it in errors. Throws Error.
  explicit PmiSocket(const char* protocol);
  PmiSocket(const PmiSocket&) = delete;
  PmiSocket& operator=(const PmiSocket&) = delete;
  ~PmiSocket();

  /// Whether it connected to PMI_PORT: the server does not know yet who calls.
  [[nodiscard]] bool by_port() const noexcept { return by_port_; }
  void write_all(std::string_view text);
  /// Up to and without the next newline. `what`: for the report of a long wait.
  [[nodiscard]] std::string read_line(const char* what);
  [[nodiscard]] std::string read_exactly(std::size_t bytes, const char* what);
  /// An Error of this protocol.
  [[nodiscard]] Error error(const std::string& text) const;

 private:
  void read_more(const char* what);

  const char* protocol_;
  int fd_ = -1;
  bool by_port_ = false;
  std::string read_;  ///< and not yet taken
};

/// The value of `key` in a message of "key=value" parted by `separator`; false where there is none.
[[nodiscard]] bool pmi_field(std::string_view message, char separator, std::string_view key,
                             std::string* value);

/// PMI_RANK, PMI_SIZE and the like. Throws Error that names the variable.
[[nodiscard]] int pmi_number(const char* variable, int low, int high);

[[nodiscard]] std::string to_hex(std::string_view bytes);
/// False where `text` is not of to_hex().
[[nodiscard]] bool from_hex(std::string_view text, std::string* bytes);

/// Name of a rank's value in exchange number `round`.
[[nodiscard]] std::string exchange_key(unsigned round, int rank);

}  // namespace tally::job
