// SPDX-License-Identifier: BSD-3-Clause
// Assertion macros: live in Verilator, empty in synthesis. Use only |->, |=>, $stable, $past and
// $onehot0 inside (see docs/device.md, "Conventions").
`ifndef TALLY_ASSERT_SVH
`define TALLY_ASSERT_SVH
`ifdef SYNTHESIS
`define TALLY_ASSERT(Name, Prop)
`else
`define TALLY_ASSERT(Name, Prop) \
  Name: assert property (@(posedge clk_i) disable iff (!rst_ni) (Prop)) \
  else $fatal(1, "%m: %s", `"Name`");
`endif
// A stream holds valid and payload until ready.
`define TALLY_ASSERT_STABLE(Name, Valid, Ready, Payload) \
  `TALLY_ASSERT(Name, ((Valid) && !(Ready)) |=> ((Valid) && $stable(Payload)))
`endif
