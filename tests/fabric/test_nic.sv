// SPDX-License-Identifier: BSD-3-Clause
// A small NIC with the ports of tally_nic, to test the fabric by itself.
//
// One command at a time; registers: see the localparams. A packet is a header beat (destination MAC in bytes 0 to 5,
// payload beats in bytes 16 and 17, sequence number in bytes 18 to 21) and the payload. Received payload is written
// to host memory when Store is set, at Dst, which moves on by the payload. A write of the window port counts as one
// whose word is the XOR of its words.
`default_nettype none
`include "tally_assert.svh"

module test_nic (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,
  input  wire logic [31:0]  cycle_i,
  output      logic         idle_o,

  input  wire logic         s_axil_aw_valid_i,
  output      logic         s_axil_aw_ready_o,
  input  wire logic [15:0]  s_axil_aw_addr_i,
  input  wire logic         s_axil_w_valid_i,
  output      logic         s_axil_w_ready_o,
  input  wire logic [31:0]  s_axil_w_data_i,
  output      logic         s_axil_b_valid_o,
  input  wire logic         s_axil_b_ready_i,
  output      logic [1:0]   s_axil_b_resp_o,
  input  wire logic         s_axil_ar_valid_i,
  output      logic         s_axil_ar_ready_o,
  input  wire logic [15:0]  s_axil_ar_addr_i,
  output      logic         s_axil_r_valid_o,
  input  wire logic         s_axil_r_ready_i,
  output      logic [31:0]  s_axil_r_data_o,
  output      logic [1:0]   s_axil_r_resp_o,

  input  wire logic         s_axi_aw_valid_i,
  output      logic         s_axi_aw_ready_o,
  input  wire logic [17:0]  s_axi_aw_addr_i,
  input  wire logic         s_axi_w_valid_i,
  output      logic         s_axi_w_ready_o,
  input  wire logic [511:0] s_axi_w_data_i,
  input  wire logic [63:0]  s_axi_w_strb_i,
  output      logic         s_axi_b_valid_o,
  input  wire logic         s_axi_b_ready_i,
  output      logic [1:0]   s_axi_b_resp_o,

  output      logic         m_axi_ar_valid_o,
  input  wire logic         m_axi_ar_ready_i,
  output      logic [63:0]  m_axi_ar_addr_o,
  output      logic [7:0]   m_axi_ar_len_o,
  output      logic [2:0]   m_axi_ar_size_o,
  output      logic [1:0]   m_axi_ar_burst_o,
  input  wire logic         m_axi_r_valid_i,
  output      logic         m_axi_r_ready_o,
  input  wire logic [511:0] m_axi_r_data_i,
  input  wire logic [1:0]   m_axi_r_resp_i,
  input  wire logic         m_axi_r_last_i,
  output      logic         m_axi_aw_valid_o,
  input  wire logic         m_axi_aw_ready_i,
  output      logic [63:0]  m_axi_aw_addr_o,
  output      logic [7:0]   m_axi_aw_len_o,
  output      logic [2:0]   m_axi_aw_size_o,
  output      logic [1:0]   m_axi_aw_burst_o,
  output      logic         m_axi_w_valid_o,
  input  wire logic         m_axi_w_ready_i,
  output      logic [511:0] m_axi_w_data_o,
  output      logic [63:0]  m_axi_w_strb_o,
  output      logic         m_axi_w_last_o,
  input  wire logic         m_axi_b_valid_i,
  output      logic         m_axi_b_ready_o,
  input  wire logic [1:0]   m_axi_b_resp_i,

  output      logic         m_axis_tvalid_o,
  input  wire logic         m_axis_tready_i,
  output      logic [511:0] m_axis_tdata_o,
  output      logic [63:0]  m_axis_tkeep_o,
  output      logic         m_axis_tlast_o,
  input  wire logic         s_axis_tvalid_i,
  output      logic         s_axis_tready_o,
  input  wire logic [511:0] s_axis_tdata_i,
  input  wire logic [63:0]  s_axis_tkeep_i,
  input  wire logic         s_axis_tlast_i
);
  // Written.
  localparam logic [15:0] SrcLo     = 16'h00;
  localparam logic [15:0] SrcHi     = 16'h04;
  localparam logic [15:0] DstLo     = 16'h08;
  localparam logic [15:0] DstHi     = 16'h0C;
  localparam logic [15:0] Peer      = 16'h10;
  localparam logic [15:0] ReadSend  = 16'h14;  // beats: read Src and send it as one packet
  localparam logic [15:0] Blast     = 16'h18;  // 31:16 packets, 15:0 payload beats of each: made up
  localparam logic [15:0] Stall     = 16'h1C;  // bit 0: receives nothing; bit 1: takes a beat a cycle after it was shown
  localparam logic [15:0] WriteBack = 16'h20;  // 31:16 bursts of 15:0 beats of a pattern to Dst; then, in the cycle of the
                                               // last beat, asks to read the last beat back into RdBack
  localparam logic [15:0] Store     = 16'h24;
  localparam logic [15:0] Strobe    = 16'h28;  // byte strobes 31:0 of written beats; the upper half repeats them

  typedef enum logic [2:0] { StIdle, StRead, StSend, StWrAddr, StWrData, StRdBack } state_e;
  state_e state_q;

  logic [63:0] src_q, dst_q;
  logic [15:0] peer_q, beats_q, left_q, count_q;
  logic [31:0] seq_q, strobe_q, word_q;
  logic        stall_q, late_q, seen_q, store_q, from_memory_q, header_q;
  logic [31:0] rx_packets_q, rx_beats_q, rx_seq_q, rx_errors_q, rerr_q, berr_q, rd_back_q, writes_q;
  logic [31:0] c_tx_q, c_tx_last_q, c_rx_q, c_rx_last_q, c_ar_q, c_r_q, c_r_last_q, c_w_q, c_b_q, c_reg_q, c_ar_back_q;
  logic        rx_header_q;
  logic [15:0] unanswered_q;

  // Registers.
  logic reg_write;
  assign reg_write         = s_axil_aw_valid_i && s_axil_w_valid_i && (!s_axil_b_valid_o || s_axil_b_ready_i);
  logic window_write;
  assign window_write     = s_axi_aw_valid_i && s_axi_w_valid_i && (!s_axi_b_valid_o || s_axi_b_ready_i);
  assign s_axi_aw_ready_o = window_write;
  assign s_axi_w_ready_o  = window_write;
  assign s_axi_b_resp_o   = 2'd0;
  logic [31:0] window_word;
  always_comb begin : p_window_word
    window_word = '0;
    for (int unsigned w = 0; w < 16; w++) window_word = window_word ^ s_axi_w_data_i[w*32 +: 32];
  end
  assign s_axil_aw_ready_o = reg_write;
  assign s_axil_w_ready_o  = reg_write;
  assign s_axil_b_resp_o   = 2'd0;
  assign s_axil_r_resp_o   = 2'd0;
  assign s_axil_ar_ready_o = !s_axil_r_valid_o;

  logic [31:0] read_value;
  always_comb begin : p_read
    unique case (s_axil_ar_addr_i)
      16'h40: read_value = rx_packets_q;
      16'h44: read_value = rx_beats_q;
      16'h48: read_value = c_tx_q;
      16'h4C: read_value = c_tx_last_q;
      16'h50: read_value = c_rx_q;
      16'h54: read_value = c_rx_last_q;
      16'h58: read_value = c_ar_q;
      16'h5C: read_value = c_r_q;
      16'h60: read_value = c_r_last_q;
      16'h64: read_value = c_w_q;
      16'h68: read_value = c_b_q;
      16'h6C: read_value = c_reg_q;
      16'h70: read_value = rerr_q;
      16'h74: read_value = berr_q;
      16'h78: read_value = rx_errors_q;
      16'h7C: read_value = rd_back_q;
      16'h80: read_value = word_q;
      16'h84: read_value = writes_q;
      16'h88: read_value = c_ar_back_q;
      default: read_value = 32'd0;
    endcase
  end

  // Receive: header beat, then payload straight to the write channel when stored.
  logic rx_writes, rx_fire;
  assign rx_writes       = store_q && !stall_q && (!late_q || seen_q);
  assign s_axis_tready_o = !stall_q && (!late_q || seen_q) && (!store_q || (rx_header_q ? m_axi_aw_ready_i : m_axi_w_ready_i));
  assign rx_fire         = s_axis_tvalid_i && s_axis_tready_o;

  // Write channel: the command's, or the receiver's.
  logic cmd_aw, cmd_w, aw_fire, w_fire, b_fire;
  assign cmd_aw           = state_q == StWrAddr;
  assign cmd_w            = state_q == StWrData;
  assign m_axi_aw_valid_o = cmd_aw || (rx_writes && s_axis_tvalid_i && rx_header_q);
  assign m_axi_aw_addr_o  = dst_q;
  assign m_axi_aw_len_o   = cmd_aw ? 8'(beats_q - 16'd1) : 8'(s_axis_tdata_i[143:128] - 16'd1);
  assign m_axi_aw_size_o  = 3'd6;
  assign m_axi_aw_burst_o = 2'd1;
  assign m_axi_w_valid_o  = cmd_w || (rx_writes && s_axis_tvalid_i && !rx_header_q);
  assign m_axi_w_data_o   = cmd_w ? {16{seq_q}} : s_axis_tdata_i;
  assign m_axi_w_strb_o   = {2{strobe_q}};
  assign m_axi_w_last_o   = cmd_w ? left_q == 16'd1 : s_axis_tlast_i;
  assign m_axi_b_ready_o  = 1'b1;
  assign aw_fire          = m_axi_aw_valid_o && m_axi_aw_ready_i;
  assign w_fire           = m_axi_w_valid_o && m_axi_w_ready_i;
  assign b_fire           = m_axi_b_valid_i && m_axi_b_ready_o;

  // Read channel. In StSend the data passes straight to the network.
  logic wr_last, ar_fire, r_fire;
  assign wr_last          = cmd_w && w_fire && left_q == 16'd1 && count_q == 16'd1;
  assign m_axi_ar_valid_o = state_q == StRead || wr_last;
  assign m_axi_ar_addr_o  = wr_last ? dst_q + {42'd0, beats_q - 16'd1, 6'd0} : src_q;
  assign m_axi_ar_len_o   = wr_last ? 8'd0 : 8'(beats_q - 16'd1);
  assign m_axi_ar_size_o  = 3'd6;
  assign m_axi_ar_burst_o = 2'd1;
  assign ar_fire          = m_axi_ar_valid_o && m_axi_ar_ready_i;
  assign m_axi_r_ready_o  = state_q == StRdBack || (state_q == StSend && from_memory_q && !header_q && m_axis_tready_i);
  assign r_fire           = m_axi_r_valid_i && m_axi_r_ready_o;

  logic tx_fire;
  logic [511:0] header;
  always_comb begin : p_header
    header          = '0;
    header[31:0]    = 32'h004C5402;
    header[39:32]   = peer_q[15:8];
    header[47:40]   = peer_q[7:0];
    header[143:128] = beats_q;
    header[175:144] = seq_q;
  end
  assign m_axis_tvalid_o = state_q == StSend && (header_q || !from_memory_q || m_axi_r_valid_i);
  assign m_axis_tdata_o  = header_q ? header : from_memory_q ? m_axi_r_data_i : {16{seq_q + {16'd0, left_q}}};
  assign m_axis_tkeep_o  = '1;
  assign m_axis_tlast_o  = header_q ? beats_q == 16'd0 : left_q == 16'd1;
  assign tx_fire         = m_axis_tvalid_o && m_axis_tready_i;

  assign idle_o = state_q == StIdle && !s_axil_b_valid_o && !s_axi_b_valid_o && !s_axil_r_valid_o && rx_header_q && unanswered_q == 16'd0;

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      state_q          <= StIdle;
      s_axil_b_valid_o <= 1'b0;
      s_axi_b_valid_o  <= 1'b0;
      s_axil_r_valid_o <= 1'b0;
      s_axil_r_data_o  <= '0;
      src_q <= '0; dst_q <= '0; peer_q <= '0; beats_q <= '0; left_q <= '0; count_q <= '0;
      seq_q <= '0; word_q <= '0; stall_q <= 1'b0; late_q <= 1'b0; seen_q <= 1'b0; store_q <= 1'b0; from_memory_q <= 1'b0; header_q <= 1'b0;
      strobe_q <= '1;
      rx_packets_q <= '0; rx_beats_q <= '0; rx_seq_q <= '0; rx_errors_q <= '0; rerr_q <= '0; berr_q <= '0;
      rd_back_q <= '0; writes_q <= '0;
      c_tx_q <= '0; c_tx_last_q <= '0; c_rx_q <= '0; c_rx_last_q <= '0; c_ar_q <= '0; c_r_q <= '0; c_r_last_q <= '0;
      c_w_q <= '0; c_b_q <= '0; c_reg_q <= '0; c_ar_back_q <= '0;
      rx_header_q <= 1'b1;
      unanswered_q <= '0;
    end else begin
      if (s_axil_b_ready_i) s_axil_b_valid_o <= 1'b0;
      if (s_axi_b_ready_i) s_axi_b_valid_o <= 1'b0;
      if (window_write) begin
        s_axi_b_valid_o <= 1'b1;
        c_reg_q         <= cycle_i;
        writes_q        <= writes_q + 32'd1;
        word_q          <= window_word;
      end
      if (s_axil_r_ready_i) s_axil_r_valid_o <= 1'b0;
      if (s_axil_ar_valid_i && s_axil_ar_ready_o) begin
        s_axil_r_valid_o <= 1'b1;
        s_axil_r_data_o  <= read_value;
      end

      // Transmit.
      if (tx_fire) begin
        if (header_q) c_tx_q <= cycle_i;
        header_q <= 1'b0;
        if (!header_q) left_q <= left_q - 16'd1;
        if (m_axis_tlast_o) begin
          c_tx_last_q <= cycle_i;
          seq_q       <= seq_q + 32'd1;
          count_q     <= count_q - 16'd1;
          left_q      <= beats_q;
          header_q    <= count_q != 16'd1;
          if (count_q == 16'd1) state_q <= StIdle;
        end
      end

      // DMA.
      if (ar_fire && !wr_last) begin
        c_ar_q  <= cycle_i;
        state_q <= StSend;
      end
      if (r_fire) begin
        if (state_q == StSend && left_q == beats_q) c_r_q <= cycle_i;
        if (m_axi_r_last_i) c_r_last_q <= cycle_i;
        if (m_axi_r_resp_i != 2'd0) rerr_q <= rerr_q + 32'd1;
        if (state_q == StRdBack) begin
          c_r_q     <= cycle_i;
          rd_back_q <= m_axi_r_data_i[31:0];
          state_q   <= StIdle;
        end
      end
      if (cmd_aw && aw_fire) state_q <= StWrData;
      if (cmd_w && w_fire) begin
        c_w_q  <= cycle_i;
        left_q <= left_q - 16'd1;
        if (left_q == 16'd1) begin
          seq_q   <= seq_q + 32'd1;
          count_q <= count_q - 16'd1;
          left_q  <= beats_q;
          state_q <= count_q == 16'd1 ? StRdBack : StWrAddr;
          if (count_q == 16'd1) c_ar_back_q <= cycle_i;
        end
      end
      if (b_fire) begin
        c_b_q <= cycle_i;
        if (m_axi_b_resp_i != 2'd0) berr_q <= berr_q + 32'd1;
      end
      unanswered_q <= unanswered_q + 16'(aw_fire) - 16'(b_fire);

      // Receive.
      seen_q <= s_axis_tvalid_i && !rx_fire;
      if (rx_fire) begin
        rx_beats_q <= rx_beats_q + 32'd1;
        if (rx_header_q) begin
          c_rx_q   <= cycle_i;
          rx_seq_q <= s_axis_tdata_i[175:144] + 32'd1;
          if (s_axis_tdata_i[175:144] != rx_seq_q || !(&s_axis_tkeep_i)) rx_errors_q <= rx_errors_q + 32'd1;
        end else if (store_q) begin
          c_w_q <= cycle_i;
          dst_q <= dst_q + 64'd64;
        end
        rx_header_q <= s_axis_tlast_i;
        if (s_axis_tlast_i) begin
          rx_packets_q <= rx_packets_q + 32'd1;
          c_rx_last_q  <= cycle_i;
        end
      end

      // Registers last: a command finds the NIC idle.
      if (reg_write) begin
        s_axil_b_valid_o <= 1'b1;
        c_reg_q          <= cycle_i;
        writes_q         <= writes_q + 32'd1;
        word_q           <= s_axil_w_data_i;
        unique case (s_axil_aw_addr_i)
          SrcLo: src_q[31:0]  <= s_axil_w_data_i;
          SrcHi: src_q[63:32] <= s_axil_w_data_i;
          DstLo: dst_q[31:0]  <= s_axil_w_data_i;
          DstHi: dst_q[63:32] <= s_axil_w_data_i;
          Peer:  peer_q       <= s_axil_w_data_i[15:0];
          Stall: begin
            stall_q <= s_axil_w_data_i[0];
            late_q  <= s_axil_w_data_i[1];
          end
          Store: store_q      <= s_axil_w_data_i[0];
          Strobe: strobe_q    <= s_axil_w_data_i;
          ReadSend, Blast: begin
            beats_q       <= s_axil_w_data_i[15:0];
            left_q        <= s_axil_w_data_i[15:0];
            count_q       <= s_axil_aw_addr_i == Blast ? s_axil_w_data_i[31:16] : 16'd1;
            from_memory_q <= s_axil_aw_addr_i == ReadSend;
            header_q      <= 1'b1;
            state_q       <= s_axil_aw_addr_i == Blast ? StSend : StRead;
          end
          WriteBack: begin
            beats_q <= s_axil_w_data_i[15:0];
            left_q  <= s_axil_w_data_i[15:0];
            count_q <= s_axil_w_data_i[31:16];
            state_q <= StWrAddr;
          end
          default: ;
        endcase
      end
    end
  end

  `TALLY_ASSERT(OneCommand_A, !(reg_write && state_q != StIdle &&
      (s_axil_aw_addr_i == ReadSend || s_axil_aw_addr_i == Blast || s_axil_aw_addr_i == WriteBack)))
  `TALLY_ASSERT(OneWrite_A, !(reg_write && window_write))
  `TALLY_ASSERT(WindowWhole_A, window_write |-> &s_axi_w_strb_i && s_axi_aw_addr_i == 18'h100)
  `TALLY_ASSERT_STABLE(RxStable_A, s_axis_tvalid_i, s_axis_tready_o, {s_axis_tdata_i, s_axis_tkeep_i, s_axis_tlast_i})
  `TALLY_ASSERT_STABLE(RStable_A, m_axi_r_valid_i, m_axi_r_ready_o, {m_axi_r_data_i, m_axi_r_resp_i, m_axi_r_last_i})
  `TALLY_ASSERT_STABLE(BStable_A, m_axi_b_valid_i, m_axi_b_ready_o, m_axi_b_resp_i)
  `TALLY_ASSERT_STABLE(AwStable_A, s_axil_aw_valid_i, s_axil_aw_ready_o, s_axil_aw_addr_i)
  `TALLY_ASSERT_STABLE(WStable_A, s_axil_w_valid_i, s_axil_w_ready_o, s_axil_w_data_i)
  `TALLY_ASSERT_STABLE(ArStable_A, s_axil_ar_valid_i, s_axil_ar_ready_o, s_axil_ar_addr_i)
endmodule

`default_nettype wire
