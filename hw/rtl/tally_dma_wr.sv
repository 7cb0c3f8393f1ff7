// SPDX-License-Identifier: BSD-3-Clause
// AXI4 write master for several clients: unaligned writes of 1 to 4096 bytes from packed data.
//
// Ordering: commands are granted round-robin among the clients; all beats of a command are taken
// before the next grant, so writes reach the bus in grant order. done_o follows the B responses in
// that order.
// Latency: grant to AW 1 cycle, data to W 1 cycle. A command's first beat is taken in the cycle
// after its grant at the earliest; the next grant may fall in the cycle of the last beat.
// Throughput: one beat a cycle, also over single-beat commands. A command that ends in one beat of
// the bus more than it has beats of data costs one cycle more.
// In flight: up to MaxCommands commands (two bursts each where they cross a 4 KiB boundary).
// Storage: NumClients-index + 1 bits a command in flight, one beat of carry, one beat of output.
// Ready paths: cmd_ready_o depends on cmd_valid_i, data_valid_i, axi_aw_ready_i and axi_w_ready_i;
// data_ready_o on axi_w_ready_i.
// Limitations: W may run ahead of AW (a master must not wait for awready to give wvalid). awsize 6,
// INCR and awid 0 are constants that the instantiating module adds.
`default_nettype none
`include "tally_assert.svh"

module tally_dma_wr #(
  parameter int unsigned NumClients = 5,
  parameter int unsigned MaxCommands = 64
) (
  input  wire logic                      clk_i,
  input  wire logic                      rst_ni,

  input  wire logic [NumClients-1:0]     cmd_valid_i,
  output      logic [NumClients-1:0]     cmd_ready_o,
  input  wire logic [NumClients*64-1:0]  cmd_addr_i,
  input  wire logic [NumClients*13-1:0]  cmd_len_i,

  input  wire logic [NumClients-1:0]     data_valid_i,
  output      logic [NumClients-1:0]     data_ready_o,
  input  wire logic [NumClients*512-1:0] data_i,

  output      logic [NumClients-1:0]     done_o,

  output      logic                      axi_aw_valid_o,
  input  wire logic                      axi_aw_ready_i,
  output      logic [63:0]               axi_aw_addr_o,
  output      logic [7:0]                axi_aw_len_o,
  output      logic                      axi_w_valid_o,
  input  wire logic                      axi_w_ready_i,
  output      logic [511:0]              axi_w_data_o,
  output      logic [63:0]               axi_w_strb_o,
  output      logic                      axi_w_last_o,
  input  wire logic                      axi_b_valid_i,
  output      logic                      axi_b_ready_o,
  input  wire logic [1:0]                axi_b_resp_i,

  output      logic                      idle_o,
  output      logic                      error_o
);
  if (NumClients < 1) begin : gen_bad_clients
    $error("tally_dma_wr: NumClients must be at least 1");
  end
  if (MaxCommands < 1) begin : gen_bad_commands
    $error("tally_dma_wr: MaxCommands must be at least 1");
  end

  localparam int unsigned ClientBits = NumClients > 1 ? $clog2(NumClients) : 1;

  // Arbitration: the first client above the last one served, else the lowest.
  logic [ClientBits-1:0] pick, client_q;
  logic                  any;
  always_comb begin : p_pick
    pick = '0;
    any  = 1'b0;
    for (int unsigned i = 0; i < NumClients; i++) begin
      if (!any && cmd_valid_i[i] && ClientBits'(i) > client_q) begin
        any  = 1'b1;
        pick = ClientBits'(i);
      end
    end
    for (int unsigned i = 0; i < NumClients; i++) begin
      if (!any && cmd_valid_i[i]) begin
        any  = 1'b1;
        pick = ClientBits'(i);
      end
    end
  end

  // The picked command, cut into one or two bursts.
  logic [63:0] addr;
  logic [12:0] len, span;
  logic [6:0]  bus_beats, data_beats, to_page;
  logic        two;
  assign addr       = cmd_addr_i[pick*64 +: 64];
  assign len        = cmd_len_i[pick*13 +: 13];
  assign span       = len + 13'(addr[5:0]);
  assign bus_beats  = span[12:6] + 7'(span[5:0] != '0);
  assign data_beats = len[12:6] + 7'(len[5:0] != '0);
  assign to_page    = 7'd64 - 7'(addr[11:6]);
  assign two        = bus_beats > to_page;

  // Command under way.
  logic       active_q;
  logic [5:0] off_q, end_q;
  logic [6:0] cnt_q, bus_last_q, data_beats_q, first_last_q;
  logic       aw_valid_q, second_q, aw_free, w_valid_q, w_free;
  logic       needs_data, step, last_step, resp_ready, accept;

  assign aw_free    = !aw_valid_q || axi_aw_ready_i;
  assign w_free     = !w_valid_q || axi_w_ready_i;
  assign needs_data = cnt_q < data_beats_q;
  assign step       = active_q && w_free && (!needs_data || data_valid_i[client_q]);
  assign last_step  = step && cnt_q == bus_last_q;
  assign accept     = any && resp_ready && aw_free && !second_q && (!active_q || last_step);

  always_comb begin : p_ready
    cmd_ready_o  = '0;
    data_ready_o = '0;
    if (accept) cmd_ready_o[pick] = 1'b1;
    if (active_q && w_free && needs_data) data_ready_o[client_q] = 1'b1;
  end

  always_ff @(posedge clk_i) begin : p_command
    if (!rst_ni) begin
      active_q <= 1'b0;
      client_q <= '0;
      cnt_q    <= '0;
    end else if (accept) begin
      active_q <= 1'b1;
      client_q <= pick;
      cnt_q    <= '0;
    end else if (step) begin
      active_q <= !last_step;
      cnt_q    <= cnt_q + 7'd1;
    end
  end

  always_ff @(posedge clk_i) begin : p_command_payload
    if (accept) begin
      off_q        <= addr[5:0];
      end_q        <= span[5:0];
      bus_last_q   <= bus_beats - 7'd1;
      data_beats_q <= data_beats;
      first_last_q <= to_page - 7'd1;
    end
  end

  // Write addresses.
  logic [63:6] aw_addr_q;
  logic [7:0]  aw_len_q;
  logic [6:0]  second_beats_q;
  always_ff @(posedge clk_i) begin : p_aw_state
    if (!rst_ni) begin
      aw_valid_q <= 1'b0;
      second_q   <= 1'b0;
    end else if (accept) begin
      aw_valid_q <= 1'b1;
      second_q   <= two;
    end else if (aw_free) begin
      aw_valid_q <= second_q;
      second_q   <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin : p_aw_payload
    if (accept) begin
      aw_addr_q      <= addr[63:6];
      aw_len_q       <= {1'b0, two ? to_page : bus_beats} - 8'd1;
      second_beats_q <= bus_beats - to_page;
    end else if (aw_free && second_q) begin
      aw_addr_q <= {aw_addr_q[63:12] + 52'd1, 6'd0};
      aw_len_q  <= 8'(second_beats_q) - 8'd1;
    end
  end

  assign axi_aw_valid_o = aw_valid_q;
  assign axi_aw_addr_o  = {aw_addr_q, 6'd0};
  assign axi_aw_len_o   = aw_len_q;

  // Realignment: rotate each beat of data up by the offset, join it with the rotated beat before.
  logic [511:0] data, rot, low_mask, joined, carry_q, w_data_q;
  logic [63:0]  strb, w_strb_q;
  logic         w_last_q;
  always_comb begin : p_join
    data     = '0;
    rot      = '0;
    low_mask = '0;
    joined   = '0;
    strb     = '0;
    // Wide logic only in cycles that move data.
    if (step) begin
      if (needs_data) data = data_i[client_q*512 +: 512];
      rot      = (data << {off_q, 3'd0}) | (data >> (10'd512 - {1'b0, off_q, 3'd0}));
      low_mask = ~({512{1'b1}} << {off_q, 3'd0});
      joined   = (carry_q & low_mask) | (rot & ~low_mask);
      strb     = {64{1'b1}};
      if (cnt_q == '0) strb = {64{1'b1}} << off_q;
      if (last_step && end_q != '0) strb = strb & ~({64{1'b1}} << end_q);
    end
  end

  always_ff @(posedge clk_i) begin : p_w_state
    if (!rst_ni) w_valid_q <= 1'b0;
    else if (w_free) w_valid_q <= step;
  end

  always_ff @(posedge clk_i) begin : p_w_payload
    if (step) begin
      carry_q  <= rot;
      w_data_q <= joined;
      w_strb_q <= strb;
      w_last_q <= cnt_q == first_last_q || cnt_q == bus_last_q;
    end
  end

  assign axi_w_valid_o = w_valid_q;
  assign axi_w_data_o  = w_data_q;
  assign axi_w_strb_o  = w_strb_q;
  assign axi_w_last_o  = w_last_q;

  // Commands not yet answered, and how many answers they take.
  logic                             head_valid, head_two, half_q, b_hs, pop;
  logic [ClientBits-1:0]            head_client;
  logic [$clog2(MaxCommands+1)-1:0] unused_level;
  tally_fifo #(.Width(ClientBits + 1), .Depth(MaxCommands)) u_unanswered (
    .clk_i, .rst_ni,
    .in_valid_i  (accept),
    .in_ready_o  (resp_ready),
    .in_data_i   ({pick, two}),
    .out_valid_o (head_valid),
    .out_ready_i (pop),
    .out_data_o  ({head_client, head_two}),
    .level_o     (unused_level)
  );

  logic [NumClients-1:0] done_q;
  logic                  error_q;
  assign axi_b_ready_o = head_valid;
  assign b_hs          = axi_b_valid_i && axi_b_ready_o;
  assign pop           = b_hs && (!head_two || half_q);
  always_ff @(posedge clk_i) begin : p_b_state
    if (!rst_ni) begin
      half_q  <= 1'b0;
      done_q  <= '0;
      error_q <= 1'b0;
    end else begin
      if (b_hs) half_q <= head_two && !half_q;
      done_q  <= pop ? NumClients'(1) << head_client : '0;
      error_q <= b_hs && axi_b_resp_i != 2'b00;
    end
  end

  assign done_o  = done_q;
  assign error_o = error_q;
  assign idle_o  = !head_valid && done_q == '0;

  `TALLY_ASSERT_STABLE(AwStable_A, axi_aw_valid_o, axi_aw_ready_i, {axi_aw_addr_o, axi_aw_len_o})
  `TALLY_ASSERT_STABLE(WStable_A, axi_w_valid_o, axi_w_ready_i,
                       {axi_w_data_o, axi_w_strb_o, axi_w_last_o})
  `TALLY_ASSERT(AwPage_A, axi_aw_valid_o |-> 8'(axi_aw_addr_o[11:6]) + axi_aw_len_o < 8'd64)
  `TALLY_ASSERT(LenBound_A, accept |-> len >= 13'd1 && len <= 13'd4096)
  `TALLY_ASSERT(CountBound_A, active_q |-> cnt_q <= bus_last_q)
  `TALLY_ASSERT(OneDone_A, $onehot0(done_o))
  `TALLY_ASSERT(BAsked_A, axi_b_valid_i |-> head_valid)
endmodule

`default_nettype wire
