# SPDX-License-Identifier: BSD-3-Clause
# Install rules and the exported package: find_package(tally) gives tally::tally.
