// SPDX-License-Identifier: BSD-3-Clause
// AXI4 read master for several clients: unaligned reads of 1 to 4096 bytes, delivered packed.
//
// Ordering: commands are accepted round-robin among the clients, and served in acceptance order.
// Latency: command to AR 1 cycle, R to data 1 cycle.
// Throughput: one beat a cycle. Only a command whose data starts inside a beat and whose realigned
// data ends in the last beat of the bus costs one cycle more (the cycle in which the carry is
// flushed).
// In flight: up to MaxCommands commands (two bursts each where they cross a 4 KiB boundary).
// Storage: NumClients-index + 15 bits a command in flight; tally_realign.
// Ready paths: cmd_ready_o depends on cmd_valid_i (arbitration) and on axi_ar_ready_i.
// Limitations: there is no data ready: a client asks only for what it has room for. arsize 6, INCR
// and arid 0 are constants that the instantiating module adds.
`default_nettype none
`include "tally_assert.svh"

module tally_dma_rd #(
  parameter int unsigned NumClients = 9,
  parameter int unsigned MaxCommands = 32
) (
  input  wire logic                     clk_i,
  input  wire logic                     rst_ni,

  input  wire logic [NumClients-1:0]    cmd_valid_i,
  output      logic [NumClients-1:0]    cmd_ready_o,
  input  wire logic [NumClients*64-1:0] cmd_addr_i,
  input  wire logic [NumClients*13-1:0] cmd_len_i,

  output      logic [NumClients-1:0]    data_valid_o,
  output      logic [511:0]             data_o,
  output      logic                     data_last_o,

  output      logic                     axi_ar_valid_o,
  input  wire logic                     axi_ar_ready_i,
  output      logic [63:0]              axi_ar_addr_o,
  output      logic [7:0]               axi_ar_len_o,
  input  wire logic                     axi_r_valid_i,
  output      logic                     axi_r_ready_o,
  input  wire logic [511:0]             axi_r_data_i,
  input  wire logic [1:0]               axi_r_resp_i,
  input  wire logic                     axi_r_last_i,

  output      logic                     idle_o,
  output      logic                     error_o
);
  if (NumClients < 1) begin : gen_bad_clients
    $error("tally_dma_rd: NumClients must be at least 1");
  end
  if (MaxCommands < 1) begin : gen_bad_commands
    $error("tally_dma_rd: MaxCommands must be at least 1");
  end

  localparam int unsigned ClientBits = NumClients > 1 ? $clog2(NumClients) : 1;
  // Entry of the commands in flight: client, byte offset, index of the last bus beat, lead, flush.
  localparam int unsigned EntryBits = ClientBits + 6 + 7 + 2;

  // Arbitration: the first client above the last one served, else the lowest.
  logic [ClientBits-1:0] pick, last_q;
  logic                  any;
  always_comb begin : p_pick
    pick = '0;
    any  = 1'b0;
    for (int unsigned i = 0; i < NumClients; i++) begin
      if (!any && cmd_valid_i[i] && ClientBits'(i) > last_q) begin
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
  logic [12:0] len;
  logic [6:0]  in_beats, to_page;
  logic        two, lead, flush;
  assign addr      = cmd_addr_i[pick*64 +: 64];
  assign len       = cmd_len_i[pick*13 +: 13];
  assign to_page   = 7'd64 - 7'(addr[11:6]);
  assign two       = in_beats > to_page;
  tally_span u_span (
    .off_i(addr[5:0]), .len_i(len), .beats_o(in_beats), .lead_o(lead), .flush_o(flush)
  );

  logic        ar_valid_q, second_q;
  logic [63:6] ar_addr_q;
  logic [7:0]  ar_len_q;
  logic [6:0]  second_beats_q;
  logic        fifo_ready, ar_free, accept;
  assign ar_free = !ar_valid_q || axi_ar_ready_i;
  assign accept  = any && fifo_ready && ar_free && !second_q;

  always_comb begin : p_cmd_ready
    cmd_ready_o = '0;
    if (accept) cmd_ready_o[pick] = 1'b1;
  end

  always_ff @(posedge clk_i) begin : p_ar_state
    if (!rst_ni) begin
      ar_valid_q <= 1'b0;
      second_q   <= 1'b0;
      last_q     <= '0;
    end else begin
      if (accept) begin
        ar_valid_q <= 1'b1;
        second_q   <= two;
        last_q     <= pick;
      end else if (ar_free) begin
        ar_valid_q <= second_q;
        second_q   <= 1'b0;
      end
    end
  end

  always_ff @(posedge clk_i) begin : p_ar_payload
    if (accept) begin
      ar_addr_q      <= addr[63:6];
      ar_len_q       <= {1'b0, two ? to_page : in_beats} - 8'd1;
      second_beats_q <= in_beats - to_page;
    end else if (ar_free && second_q) begin
      ar_addr_q <= {ar_addr_q[63:12] + 52'd1, 6'd0};
      ar_len_q  <= 8'(second_beats_q) - 8'd1;
    end
  end

  assign axi_ar_valid_o = ar_valid_q;
  assign axi_ar_addr_o  = {ar_addr_q, 6'd0};
  assign axi_ar_len_o   = ar_len_q;

  // Commands in flight.
  logic                            head_valid, head_lead, head_flush, pop;
  logic [ClientBits-1:0]           head_client;
  logic [5:0]                      head_off;
  logic [6:0]                      head_last;
  logic [$clog2(MaxCommands+1)-1:0] unused_level;
  tally_fifo #(.Width(EntryBits), .Depth(MaxCommands)) u_commands (
    .clk_i, .rst_ni,
    .in_valid_i  (accept),
    .in_ready_o  (fifo_ready),
    .in_data_i   ({pick, addr[5:0], in_beats - 7'd1, lead, flush}),
    .out_valid_o (head_valid),
    .out_ready_i (pop),
    .out_data_o  ({head_client, head_off, head_last, head_lead, head_flush}),
    .level_o     (unused_level)
  );

  // Realignment.
  logic r_hs, last_in, out_valid;
  tally_realign u_realign (
    .clk_i, .rst_ni,
    .head_valid_i(head_valid), .head_off_i(head_off), .head_last_i(head_last),
    .head_lead_i(head_lead), .head_flush_i(head_flush), .head_pop_o(pop),
    .in_valid_i(axi_r_valid_i), .in_ready_o(axi_r_ready_o), .in_data_i(axi_r_data_i),
    .in_last_o(last_in),
    .out_valid_o(out_valid), .out_data_o(data_o), .out_last_o(data_last_o)
  );
  assign r_hs = axi_r_valid_i && axi_r_ready_o;

  logic [ClientBits-1:0] client_q;
  logic                  error_q;
  always_ff @(posedge clk_i) begin : p_client
    client_q <= head_client;
    error_q  <= rst_ni && r_hs && axi_r_resp_i != 2'b00;
  end

  assign data_valid_o = out_valid ? NumClients'(1) << client_q : '0;
  assign error_o      = error_q;
  assign idle_o       = !head_valid && !out_valid;

  `TALLY_ASSERT_STABLE(ArStable_A, axi_ar_valid_o, axi_ar_ready_i, {axi_ar_addr_o, axi_ar_len_o})
  `TALLY_ASSERT(ArPage_A, axi_ar_valid_o |-> 8'(axi_ar_addr_o[11:6]) + axi_ar_len_o < 8'd64)
  `TALLY_ASSERT(LenBound_A, accept |-> len >= 13'd1 && len <= 13'd4096)
  `TALLY_ASSERT(OneClient_A, $onehot0(data_valid_o))
  `TALLY_ASSERT(RLast_A, (r_hs && last_in) |-> axi_r_last_i)
  `TALLY_ASSERT(RAsked_A, axi_r_valid_i |-> head_valid)
endmodule

`default_nettype wire
