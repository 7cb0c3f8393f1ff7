// SPDX-License-Identifier: BSD-3-Clause
// Operand window: Inputs that the host stores into the device with the doorbell, so that the
// sequencer need not read host memory for them.
//
// The host opens a slot with its first store to it (wr_open_i: whatever was there is forgotten),
// then posts the collective, then stores the other lines, in any order. A read takes each line when
// it has come. A store has a whole line; one of fewer words stores those, and the line counts as
// come with its last word. After a fall of the enable no line is waited for.
// Ordering: reads in the order of their commands. Latency: 5 cycles from command to first beat if
// the lines are there. Throughput: one beat a cycle, one cycle and its flush (tally_realign) less a
// command. Storage: 64 KiB in block RAM, a bit a line, Commands * 29 bits, 8 beats.
// Limitations: a read whose lines never come waits until the endpoint is disabled, and those behind
// it with it: the host stores every line of what it posted. out_valid_o does not fall before it is
// taken.
`default_nettype none
`include "tally_assert.svh"

module tally_seq_window #(
  parameter int unsigned Commands = 32,
  localparam int unsigned Slots = tally_pkg::OperandSlots,
  localparam int unsigned SlotW = $clog2(Slots),
  localparam int unsigned SlotLines = tally_pkg::OperandSlotBytes / tally_pkg::BeatBytes,
  localparam int unsigned AtW = $clog2(SlotLines),
  localparam int unsigned LineW = SlotW + AtW,
  localparam int unsigned AddrW = LineW + 6
) (
  input  wire logic             clk_i,
  input  wire logic             rst_ni,
  input  wire logic             ep_enable_i,

  // Stores of the host.
  input  wire logic             wr_valid_i,
  input  wire logic             wr_open_i,
  input  wire logic [LineW-1:0] wr_line_i,
  input  wire logic [511:0]     wr_data_i,
  input  wire logic [63:0]      wr_strb_i,

  // Reads, 1 to 4096 bytes within the window.
  input  wire logic             cmd_valid_i,
  output      logic             cmd_ready_o,
  input  wire logic [AddrW-1:0] cmd_addr_i,
  input  wire logic [12:0]      cmd_len_i,

  output      logic             out_valid_o,
  input  wire logic             out_ready_i,
  output      logic [511:0]     out_data_o,
  output      logic             out_last_o
);
  localparam int unsigned Beats = 8;
  localparam int unsigned BeatsW = $clog2(Beats + 1);

  if (AtW + SlotW != LineW || (1 << LineW) != Slots * SlotLines) begin : gen_bad_slots
    $error("tally_seq_window: slots and their lines must be powers of two");
  end

  // --- what has come -----------------------------------------------------------------------------
  logic [Slots*SlotLines-1:0] come;
  logic [SlotLines-1:0]       wr_mark;
  logic [SlotW-1:0]           wr_slot;
  logic [AtW-1:0]             wr_at;
  assign {wr_slot, wr_at} = wr_line_i;
  assign wr_mark = SlotLines'(&wr_strb_i[63:60]) << wr_at;
  for (genvar s = 0; s < 32'(Slots); s++) begin : gen_slot
    logic [SlotLines-1:0] come_q;
    always_ff @(posedge clk_i) begin : p_come
      if (!rst_ni) come_q <= '0;
      else if (wr_valid_i && wr_slot == SlotW'(s)) come_q <= wr_open_i ? wr_mark : come_q | wr_mark;
    end
    assign come[s*SlotLines +: SlotLines] = come_q;
  end

  // --- commands ----------------------------------------------------------------------------------
  logic                          head_valid, head_lead, head_flush, load;
  logic [AddrW-1:0]              head_addr;
  logic [12:0]                   head_len;
  logic [6:0]                    head_beats;
  logic [$clog2(Commands+1)-1:0] unused_level;
  tally_fifo #(.Width(AddrW + 13), .Depth(Commands)) u_cmd (
    .clk_i, .rst_ni,
    .in_valid_i(cmd_valid_i), .in_ready_o(cmd_ready_o), .in_data_i({cmd_addr_i, cmd_len_i}),
    .out_valid_o(head_valid), .out_ready_i(load), .out_data_o({head_addr, head_len}),
    .level_o(unused_level)
  );
  tally_span u_span (
    .off_i(head_addr[5:0]), .len_i(head_len), .beats_o(head_beats), .lead_o(head_lead),
    .flush_o(head_flush)
  );

  // --- lines of the command at work --------------------------------------------------------------
  // row_q holds what has come of the slot of line_q, a cycle late: no more than is there.
  logic                 busy_q, issue, room;
  logic [LineW-1:0]     line_q, line_d;
  logic [6:0]           left_q;
  logic [SlotLines-1:0] row_q;
  logic [14:0]          form_q, form1_q;   // offset, last beat, lead, flush
  logic [BeatsW-1:0]    level;

  assign load  = head_valid && !busy_q;
  assign room  = level < BeatsW'(Beats - 4);   // beats on their way: line, carry, output
  assign issue = busy_q && room && (row_q[line_q[AtW-1:0]] || !ep_enable_i);
  assign line_d = load ? head_addr[AddrW-1:6] : line_q + LineW'(issue);

  always_ff @(posedge clk_i) begin : p_line
    if (!rst_ni) busy_q <= 1'b0;
    else         busy_q <= load || (busy_q && !(issue && left_q == 7'd1));
    line_q  <= line_d;
    left_q  <= load ? head_beats : left_q - 7'(issue);
    row_q   <= come[line_d[LineW-1:AtW]*SlotLines +: SlotLines];
    if (load) form_q <= {head_addr[5:0], head_beats - 7'd1, head_lead, head_flush};
    form1_q <= form_q;
  end

  // --- memory: a word each, as the strobes -------------------------------------------------------
  logic         read_q;
  logic [511:0] line_data;
  for (genvar w = 0; w < 16; w++) begin : gen_word
    logic [31:0] word_mem [Slots*SlotLines];
    logic [31:0] word_q;
    always_ff @(posedge clk_i) begin : p_word
      if (wr_valid_i && (&wr_strb_i[w*4 +: 4])) word_mem[wr_line_i] <= wr_data_i[w*32 +: 32];
      if (issue) word_q <= word_mem[line_q];
    end
    assign line_data[w*32 +: 32] = word_q;
  end
  always_ff @(posedge clk_i) begin : p_read
    if (!rst_ni) read_q <= 1'b0;
    else         read_q <= issue;
  end

  logic         packed_valid, packed_last, align_ready, line_last, pop, fifo_room;
  logic [511:0] packed_data;
  tally_realign u_realign (
    .clk_i, .rst_ni,
    .head_valid_i(1'b1), .head_off_i(form1_q[14:9]), .head_last_i(form1_q[8:2]),
    .head_lead_i(form1_q[1]), .head_flush_i(form1_q[0]), .head_pop_o(pop),
    .in_valid_i(read_q), .in_ready_o(align_ready), .in_data_i(line_data), .in_last_o(line_last),
    .out_valid_o(packed_valid), .out_data_o(packed_data), .out_last_o(packed_last)
  );
  tally_fifo #(.Width(513), .Depth(Beats)) u_out (
    .clk_i, .rst_ni,
    .in_valid_i(packed_valid), .in_ready_o(fifo_room), .in_data_i({packed_last, packed_data}),
    .out_valid_o, .out_ready_i, .out_data_o({out_last_o, out_data_o}), .level_o(level)
  );

  logic unused;
  assign unused = pop ^ line_last;

  `TALLY_ASSERT(Room_A, packed_valid |-> fifo_room)
  `TALLY_ASSERT(Aligns_A, read_q |-> align_ready)
  `TALLY_ASSERT(LenBound_A, cmd_valid_i |-> cmd_len_i != '0 && cmd_len_i <= 13'd4096)
  `TALLY_ASSERT(InWindow_A, cmd_valid_i |-> 18'(cmd_addr_i) + 18'(cmd_len_i) <= 18'h10000)
  `TALLY_ASSERT_STABLE(OutStable_A, out_valid_o, out_ready_i, {out_last_o, out_data_o})
endmodule

`default_nettype wire
