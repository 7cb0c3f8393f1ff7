// SPDX-License-Identifier: BSD-3-Clause
// Messages of sends: a header and the payload as one stream to the transport.
//
// A send that tally_cmd marked as rendezvous becomes an Rts, any other one Eager message. Payload
// is read ahead of its turn; that of an inline send comes with the descriptor. With the header
// goes the completion that the transport makes: an eager send's when the message is acknowledged
// or given up, an Rts's only when it is given up (tally_msg_rx completes it when the Fin comes).
// Ordering: sends leave in the order they came. Latency: 2 cycles from data to the stream.
// Throughput: one beat a cycle, no gap between messages; Jobs payloads are read at once.
// Storage: 4 messages of payload, Jobs * 560 bits of sends, one beat of output.
// Combinational path: rd_cmd_ready_i to send_ready_o.
// Limitations: the device keeps nothing about a rendezvous send between its Rts and the Fin.
`default_nettype none
`include "tally_assert.svh"

module tally_msg_tx #(
  parameter int unsigned Jobs = 32
) (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,

  input  wire logic [15:0]  ep_rank_i,

  // sends from tally_cmd: checked, cells reserved
  input  wire logic         send_valid_i,
  output      logic         send_ready_o,
  input  wire logic [511:0] send_desc_i,
  input  wire logic [31:0]  send_arrival_i,
  input  wire logic [1:0]   send_ep_i,
  input  wire logic         send_rts_i,

  // tally_dma_rd client 4
  output      logic         rd_cmd_valid_o,
  input  wire logic         rd_cmd_ready_i,
  output      logic [63:0]  rd_cmd_addr_o,
  output      logic [12:0]  rd_cmd_len_o,
  input  wire logic         rd_data_valid_i,
  input  wire logic [511:0] rd_data_i,

  // tally_transport client 0; ep and cpl {on_ack, on_error, cqe} hold for the whole message
  output      logic         tx_valid_o,
  input  wire logic         tx_ready_i,
  output      logic [511:0] tx_data_o,
  output      logic         tx_last_o,
  output      logic [1:0]   tx_ep_o,
  output      logic [257:0] tx_cpl_o,

  output      logic         idle_o
);
  localparam int unsigned UserW = 547;  // {rts[1], ep[2], arrival[32], desc[512]}

  // --- payload ahead of the message --------------------------------------------------------------
  tally_pkg::msg_desc_t in, send;
  logic                 in_reads, send_valid, send_rts, beat_valid, pop, beat_pop, fetch_idle;
  logic [1:0]           send_ep;
  logic [12:0]          read_n;
  logic [31:0]          send_arrival;
  logic [511:0]         send_desc, beat;
  logic                 unused;

  assign in       = send_desc_i;
  assign in_reads = !send_rts_i && !in.flags[tally_pkg::MsgFlagInlineBit];
  assign unused   = ^{in, send};

  tally_fetch #(.UserW(UserW), .Jobs(Jobs), .Beats(4 * tally_pkg::MtuBeats)) u_fetch (
    .clk_i, .rst_ni,
    .in_valid_i(send_valid_i), .in_ready_o(send_ready_o), .in_addr_i(in.addr),
    .in_len_i(in_reads ? in.length[12:0] : 13'd0),
    .in_user_i({send_rts_i, send_ep_i, send_arrival_i, send_desc_i}),
    .cmd_valid_o(rd_cmd_valid_o), .cmd_ready_i(rd_cmd_ready_i),
    .cmd_addr_o(rd_cmd_addr_o), .cmd_len_o(rd_cmd_len_o),
    .data_valid_i(rd_data_valid_i), .data_i(rd_data_i),
    .out_valid_o(send_valid), .out_ready_i(pop), .out_len_o(read_n),
    .out_user_o({send_rts, send_ep, send_arrival, send_desc}),
    .beat_valid_o(beat_valid), .beat_ready_i(beat_pop), .beat_data_o(beat),
    .idle_o(fetch_idle)
  );
  assign send = send_desc;

  // --- header and completion ---------------------------------------------------------------------
  tally_pkg::msg_header_t head;
  tally_pkg::cqe_t        cqe;
  logic                   is_inline;
  logic [12:0]            bytes;

  assign is_inline = send.flags[tally_pkg::MsgFlagInlineBit];
  assign bytes     = send_rts ? '0 : is_inline ? send.length[12:0] : read_n;

  always_comb begin : p_head
    head             = '0;
    head.magic       = tally_pkg::DeviceId;
    head.version     = 8'd1;
    head.ptype       = send_rts ? tally_pkg::PacketTypeRts : tally_pkg::PacketTypeEager;
    head.src_rank    = 16'(ep_rank_i[send_ep*4 +: 4]);
    head.dst_rank    = send.peer;
    head.context_id  = send.context_id;
    head.payload_len = 16'(bytes);
    head.tag         = send.tag;
    head.length      = send.length;
    if (send_rts) begin
      head.addr   = send.addr;
      head.key    = send.key;
      head.cookie = send.cookie;
      head.offset = send_arrival;
    end
    cqe            = '0;
    cqe.cookie     = send.cookie;
    cqe.opcode     = tally_pkg::OpcodeSend;
    cqe.flags[tally_pkg::CqeFlagRendezvousBit] = send_rts;
    cqe.length     = send.length;
    cqe.context_id = send.context_id;
    cqe.cycles     = send_arrival;
  end

  // --- stream ------------------------------------------------------------------------------------
  logic         body_q, valid_q, last_q, load, load_head, load_body, load_last;
  logic [6:0]   left_q, beats;
  logic [511:0] data_q;
  logic [1:0]   ep_q;
  logic [257:0] cpl_q;

  assign beats     = 7'((bytes + 13'd63) >> 6);
  assign load      = !valid_q || tx_ready_i;
  assign load_head = !body_q && send_valid && load;
  assign load_body = body_q && (is_inline || beat_valid) && load;
  assign load_last = body_q ? left_q == 7'd1 : beats == '0;
  assign pop       = (load_head || load_body) && load_last;
  assign beat_pop  = load_body && !is_inline;

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      body_q  <= 1'b0;
      valid_q <= 1'b0;
      left_q  <= '0;
    end else begin
      if (load) valid_q <= load_head || load_body;
      if (load_head) begin
        left_q <= beats;
        body_q <= beats != '0;
      end else if (load_body) begin
        left_q <= left_q - 1'b1;
        body_q <= !load_last;
      end
    end
  end

  always_ff @(posedge clk_i) begin : p_tx
    if (load_head) begin
      data_q <= head;
      ep_q   <= send_ep;
      cpl_q  <= {!send_rts, 1'b1, cqe};
    end
    if (load_body) data_q <= is_inline ? {256'd0, send.inline_data} : beat;
    if (load_head || load_body) last_q <= load_last;
  end

  assign tx_valid_o = valid_q;
  assign tx_data_o  = data_q;
  assign tx_last_o  = last_q;
  assign tx_ep_o    = ep_q;
  assign tx_cpl_o   = cpl_q;
  assign idle_o     = fetch_idle && !valid_q;

  `TALLY_ASSERT_STABLE(TxStable_A, tx_valid_o, tx_ready_i,
                       {tx_data_o, tx_last_o, tx_ep_o, tx_cpl_o})
  `TALLY_ASSERT_STABLE(RdCmdStable_A, rd_cmd_valid_o, rd_cmd_ready_i, {rd_cmd_addr_o, rd_cmd_len_o})
  `TALLY_ASSERT(EagerFits_A, send_valid_i && !send_rts_i
                |-> in.length <= 32'(tally_pkg::MaxPayload))
endmodule

`default_nettype wire
