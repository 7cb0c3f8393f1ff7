// SPDX-License-Identifier: BSD-3-Clause
#include "schedule/view/draw.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "schedule/verify_internal.hpp"
#include "schedule/view/text.hpp"

namespace tally::schedule {

namespace {

constexpr double kLeft = 84;   // where step 0 is
constexpr double kTop = 76;    // middle of the first lane
constexpr double kLane = 33;   // between lanes
constexpr double kBand = 24;   // more between ranks
constexpr double kRadius = 7;  // of a mark

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

/// Hues that differ as much as their number allows, all dark enough on white.
std::string colour(std::size_t chunk, std::size_t chunks) {
  const double hue = chunks < 2 ? 210 : 360.0 * static_cast<double>(chunk) / static_cast<double>(chunks);
  const auto channel = [&](double n) {  // of HSL with saturation 0.75, lightness 0.4
    const double k = std::fmod(n + hue / 30, 12);
    const double value = 0.4 - 0.3 * std::max(-1.0, std::min({k - 3, 9 - k, 1.0}));
    return static_cast<int>(std::lround(255 * value));
  };
  return fmt::format("#{:02x}{:02x}{:02x}", channel(0), channel(8), channel(4));
}

struct Point {
  double x, y;
};

class Drawing {
 public:
  Drawing(const Schedule& s, const detail::Graph& g, const std::vector<std::size_t>& order)
      : s_(s), g_(g), step_(g.site.size(), 0) {
    const std::string line = headline(s);
    name_ = line.substr(0, line.find(": "));
    details_ = line.substr(name_.size() + 2);
    for (const std::size_t id : order) {
      const Instruction& i = *g.instruction[id];
      const detail::Site& at = g.site[id];
      std::size_t step = 0;
      const auto behind = [&](std::size_t earlier) { step = std::max(step, step_[earlier] + 1); };
      if (at.step > 0) behind(id - 1);
      if (i.has_dep && i.dep_step > 0) behind(g.first[at.rank][i.dep_lane] + i.dep_step - 1);
      if (g.sender[id] != detail::kNone) behind(g.sender[id]);
      step_[id] = step;
      steps_ = std::max(steps_, step + 1);
    }
    double y = kTop;
    for (const RankSchedule& rank : s.ranks) {
      lane_y_.emplace_back();
      for (std::size_t l = 0; l < rank.lanes.size(); ++l) {
        lane_y_.back().push_back(y);
        y += kLane;
      }
      y += kBand;
    }
    bottom_ = y - kBand;
    std::size_t longest = 0;
    for (std::size_t id = 0; id < g.site.size(); ++id) longest = std::max(longest, label(id).size());
    column_ = std::clamp(12.0 + 5.4 * static_cast<double>(longest), 58.0, 90.0);
    width_ = std::max({kLeft + column_ * static_cast<double>(steps_) + 20, 760.0,
                       24 + 6.0 * static_cast<double>(details_.size())});
  }

  std::string draw() {
    const double height = bottom_ + 92;
    out_ = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{:.0f}\" height=\"{:.0f}\" viewBox=\"0 0 {:.0f} "
        "{:.0f}\" font-family=\"sans-serif\" font-size=\"11\">\n",
        width_, height, width_, height);
    out_ += "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
    words({12, 20}, name_, "font-size=\"14\" font-weight=\"bold\"");
    words({12, 36}, details_, "fill=\"#555\"");
    axes();
    dependencies();
    messages();
    for (std::size_t id = 0; id < g_.site.size(); ++id) mark(id);
    legend(bottom_ + 26);
    return out_ + "</svg>\n";
  }

 private:
  [[nodiscard]] Point at(std::size_t id) const {
    const detail::Site& site = g_.site[id];
    return {kLeft + column_ * (0.5 + static_cast<double>(step_[id])), lane_y_[site.rank][site.lane]};
  }
  [[nodiscard]] std::string label(std::size_t id) const {
    const Instruction& i = *g_.instruction[id];
    if (i.op == Op::kNop || s_.collective == Collective::kBarrier || s_.chunks == 1) return {};
    return i.chunks == 1 ? fmt::format("{}", i.size_chunk)
                         : fmt::format("{}-{}", i.size_chunk, i.size_chunk + i.chunks - 1);
  }
  [[nodiscard]] std::string hue(std::size_t id) const {
    return colour(g_.instruction[id]->size_chunk, s_.chunks);
  }

  void words(Point p, const std::string& text, const std::string& style) {
    out_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" {}>{}</text>\n", p.x, p.y, style, escaped(text));
  }
  void line(Point a, Point b, const std::string& style) {
    out_ += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" {}/>\n", a.x, a.y, b.x,
                        b.y, style);
  }

  void axes() {
    for (std::size_t r = 0; r < s_.ranks.size(); ++r) {
      const auto& lanes = lane_y_[r];
      out_ += fmt::format(
          "<rect x=\"8\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"4\" fill=\"{}\"/>\n",
          lanes.front() - kLane / 2 - 4, width_ - 16, kLane * static_cast<double>(lanes.size()) + 8,
          r % 2 == 0 ? "#f3f5f8" : "#e9edf2");
      words({14, (lanes.front() + lanes.back()) / 2 + 4}, fmt::format("rank {}", r), "font-weight=\"bold\"");
      for (std::size_t l = 0; l < lanes.size(); ++l) {
        words({62, lanes[l] + 4}, fmt::format("{}", l), "fill=\"#777\" font-size=\"10\"");
        line({kLeft, lanes[l]}, {width_ - 14, lanes[l]}, "stroke=\"#c6ccd4\"");
      }
    }
    words({54, kTop - kLane / 2 - 10}, "lane", "fill=\"#777\" font-size=\"10\"");
    for (std::size_t k = 0; k < steps_; ++k) {
      words({kLeft + column_ * (0.5 + static_cast<double>(k)), kTop - kLane / 2 - 10}, fmt::format("{}", k),
            "fill=\"#777\" font-size=\"10\" text-anchor=\"middle\"");
    }
  }

  void dependencies() {
    for (std::size_t id = 0; id < g_.site.size(); ++id) {
      const Instruction& i = *g_.instruction[id];
      if (!i.has_dep || i.dep_step == 0) continue;
      const std::size_t earlier = g_.first[g_.site[id].rank][i.dep_lane] + i.dep_step - 1;
      line(at(earlier), at(id), "stroke=\"#555\" stroke-dasharray=\"2 3\"");
    }
  }

  void messages() {
    for (std::size_t id = 0; id < g_.site.size(); ++id) {
      if (g_.receiver[id] == detail::kNone) continue;
      const Point from = at(id);
      const Point to = at(g_.receiver[id]);
      const double length = std::hypot(to.x - from.x, to.y - from.y);
      const Point unit{(to.x - from.x) / length, (to.y - from.y) / length};
      const Point tip{to.x - unit.x * (kRadius + 1), to.y - unit.y * (kRadius + 1)};
      line(from, {tip.x - 6 * unit.x, tip.y - 6 * unit.y},
           fmt::format("stroke=\"{}\" stroke-width=\"1.6\"", hue(id)));
      head(tip, unit, hue(id));
    }
  }
  void head(Point tip, Point unit, const std::string& fill) {
    out_ += fmt::format("<polygon points=\"{:.1f},{:.1f} {:.1f},{:.1f} {:.1f},{:.1f}\" fill=\"{}\"/>\n",
                        tip.x, tip.y, tip.x - 8 * unit.x - 3.4 * unit.y, tip.y - 8 * unit.y + 3.4 * unit.x,
                        tip.x - 8 * unit.x + 3.4 * unit.y, tip.y - 8 * unit.y - 3.4 * unit.x, fill);
  }

  void mark(std::size_t id) {
    const Instruction& i = *g_.instruction[id];
    const detail::Site& site = g_.site[id];
    const Point p = at(id);
    out_ += fmt::format("<g><title>{}</title>\n",
                        escaped(fmt::format("rank {}, lane {}, step {}: {} {}", site.rank, site.lane,
                                            site.step, name_of(i.op), effect(s_, i))));
    symbol(p, i.op, hue(id));
    out_ += "</g>\n";
    if (const std::string text = label(id); !text.empty())
      words({p.x, p.y + kRadius + 9}, text,
            "font-size=\"9\" fill=\"#222\" text-anchor=\"middle\" stroke=\"white\" stroke-width=\"2.5\" "
            "paint-order=\"stroke\"");
  }
  /// Memory that is written: a filled mark; a square where nothing is received. A reduction has a plus.
  void symbol(Point p, Op op, const std::string& hue) {
    const bool writes = writes_dst(op);
    const std::string style =
        fmt::format("fill=\"{}\" stroke=\"{}\" stroke-width=\"1.8\"", writes ? hue : "white", hue);
    if (op == Op::kNop) {
      out_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\" fill=\"#555\"/>\n", p.x, p.y);
    } else if (op == Op::kSend) {
      out_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" {}/>\n", p.x, p.y, style);
    } else if (receives(op)) {
      out_ +=
          fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" {}/>\n", p.x, p.y, kRadius, style);
    } else {
      out_ += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" {}/>\n",
                          p.x - kRadius + 1, p.y - kRadius + 1, 2 * kRadius - 2, 2 * kRadius - 2, style);
    }
    if (!reduces(op)) return;
    const std::string plus = fmt::format("stroke=\"{}\" stroke-width=\"1.8\"", writes ? "white" : hue);
    line({p.x - 4, p.y}, {p.x + 4, p.y}, plus);
    line({p.x, p.y - 4}, {p.x, p.y + 4}, plus);
  }

  void legend(double y) {
    const std::string grey = "#445566";
    double x = 20;
    const auto entry = [&](Op op, const std::string& text) {
      symbol({x, y}, op, grey);
      words({x + 13, y + 4}, text, "");
      x += 34 + 6.0 * static_cast<double>(text.size());
    };
    entry(Op::kSend, "send");
    entry(Op::kRecv, "receive and keep");
    entry(Op::kRecvReduceCopy, "receive, reduce and keep");
    entry(Op::kRecvReduceSend, "receive, reduce and pass on");
    y += 24;
    x = 20;
    entry(Op::kCopy, "copy");
    entry(Op::kReduce, "reduce");
    entry(Op::kNop, "wait");
    line({x, y}, {x + 26, y}, "stroke=\"#445566\" stroke-width=\"1.6\"");
    head({x + 34, y}, {1, 0}, grey);
    words({x + 40, y + 4}, "message (a mark with an arrow in and one out passes on)", "");
    x += 370;
    line({x, y}, {x + 26, y}, "stroke=\"#555\" stroke-dasharray=\"2 3\"");
    words({x + 32, y + 4}, "dependency", "");
    y += 22;
    const std::string numbers = s_.chunks == 1 || s_.collective == Collective::kBarrier
                                    ? ""
                                    : "Numbers and colours: logical chunks. ";
    words({12, y + 4}, numbers + "Columns: steps of dependency (a message or an operation each), not time.",
          "fill=\"#555\"");
  }

  const Schedule& s_;
  const detail::Graph& g_;
  std::vector<std::size_t> step_;  // of each instruction
  std::size_t steps_ = 0;
  std::vector<std::vector<double>> lane_y_;  // [rank][lane]
  double bottom_ = 0;
  double column_ = 0;
  double width_ = 0;
  std::string name_, details_;
  std::string out_;
};

}  // namespace

std::string svg(const Schedule& schedule, std::string* error) {
  detail::Graph graph;
  std::vector<std::size_t> order;
  *error = detail::check_structure(schedule);
  if (error->empty()) *error = detail::match(schedule, &graph);
  if (error->empty()) *error = detail::run_flows(graph, &order);
  return error->empty() ? Drawing(schedule, graph, order).draw() : std::string{};
}

}  // namespace tally::schedule
