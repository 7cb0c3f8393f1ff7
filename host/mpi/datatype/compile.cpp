// SPDX-License-Identifier: BSD-3-Clause
#include <unordered_map>

#include "mpi/datatype/builder.hpp"
#include "mpi/datatype/kinds.hpp"
#include "mpi/datatype/program.hpp"

namespace tally::datatype {
namespace {

/// A node that is not in the program yet, `offset` bytes from its type's origin.
struct Placed {
  Count offset = 0;
  Node node;
};

constexpr std::size_t kNotKept = static_cast<std::size_t>(-1);

/// Lists of no more blocks than these are copied into the list around them, which saves a step at run time.
constexpr Count kInline = 8;

class Compiler {
 public:
  explicit Compiler(Program& program) : program_(program) {}

  Placed type(const Type& type) {
    const Layout& layout = Builder::layout(type);
    switch (layout.shape) {
      case Layout::Shape::kNamed:
        return named(type.named());
      case Layout::Shape::kAlias:
        return child(*layout.children.front());
      case Layout::Shape::kStrided: {
        const Type& of = *layout.children.front();
        return repeat(repeat(child(of), layout.blocklength, of.extent()), layout.count, layout.stride);
      }
      case Layout::Shape::kBlocks:
      case Layout::Shape::kStruct:
        break;
    }
    Assembler assembler(*this);
    assembler.reserve(layout.displacements.size());
    const Type* of = nullptr;
    Placed one;
    for (std::size_t i = 0; i < layout.displacements.size(); ++i) {
      if (&layout.child(i) != of) {
        of = &layout.child(i);
        one = child(*of);
      }
      Placed placed = repeat(one, layout.length(i), of->extent());
      placed.offset += layout.displacements[i];
      assembler.append(placed);
    }
    return assembler.finish();
  }

 private:
  /// Puts parts one behind the other, in the order of the type map.
  class Assembler {
   public:
    explicit Assembler(Compiler& compiler) : compiler_(compiler) {}

    void reserve(std::size_t blocks) { runs_.reserve(blocks); }

    void append(const Placed& placed) {
      if (placed.node.size == 0) return;
      const Program& program = compiler_.program_;
      const Node& node = placed.node;
      if (node.kind == Node::Kind::kBlock) {
        append_block(placed.offset, node.length);
      } else if (node.kind == Node::Kind::kStrided && node.count <= kInline) {
        for (Count i = 0; i < node.count; ++i) append_block(placed.offset + i * node.stride, node.length);
      } else if (node.kind == Node::Kind::kList && node.count <= kInline) {
        const Block* b = program.blocks.data() + node.first;
        for (Count i = 0; i < node.count; ++i, ++b) append_block(placed.offset + b->offset, length_of(b));
      } else if (node.kind == Node::Kind::kEven && node.count <= kInline) {
        const Count* offset = program.offsets.data() + node.first;
        for (Count i = 0; i < node.count; ++i) append_block(placed.offset + offset[i], node.length);
      } else {
        end_list();
        placed_.push_back(placed);
      }
    }

    Placed finish() {
      end_list();
      if (placed_.empty()) return Placed{};
      if (placed_.size() == 1) return placed_.front();
      Node node;
      node.kind = Node::Kind::kSequence;
      node.count = static_cast<Count>(placed_.size());
      for (const Placed& p : placed_) {
        parts_.push_back(Part{p.offset, node.size, compiler_.keep(p.node)});
        node.size += p.node.size;
        node.segments += p.node.segments;
      }
      std::vector<Part>& parts = compiler_.program_.parts;
      node.first = parts.size();
      parts.insert(parts.end(), parts_.begin(), parts_.end());
      return Placed{0, node};
    }

   private:
    void append_block(Count offset, Count length) {
      if (!runs_.empty() && runs_.back().offset + runs_.back().length == offset) {
        runs_.back().length += length;
      } else {
        runs_.push_back(Run{offset, length});
      }
    }

    /// Makes a node of the blocks so far.
    void end_list() {
      if (runs_.empty()) return;
      const Run& head = runs_.front();
      const auto count = static_cast<Count>(runs_.size());
      const Count stride = count > 1 ? runs_[1].offset - head.offset : 0;
      bool even = true;
      bool regular = true;
      for (std::size_t i = 1; i < runs_.size(); ++i) {
        even = even && runs_[i].length == head.length;
        regular = regular && runs_[i].offset - runs_[i - 1].offset == stride;
      }
      Placed placed;
      if (even && regular) {
        placed = compiler_.repeat(Placed{head.offset, block(head.length)}, count, stride);
      } else {
        placed.node.count = count;
        placed.node.segments = count;
        if (even) {
          keep_even(placed.node);
        } else {
          keep_list(placed.node);
        }
      }
      placed_.push_back(placed);
      runs_.clear();
    }

    void keep_even(Node& node) {
      std::vector<Count>& offsets = compiler_.program_.offsets;
      node.kind = Node::Kind::kEven;
      node.first = offsets.size();
      node.length = runs_.front().length;
      node.size = node.length * node.count;
      offsets.reserve(offsets.size() + runs_.size());
      for (const Run& run : runs_) offsets.push_back(run.offset);
    }

    void keep_list(Node& node) {
      std::vector<Block>& blocks = compiler_.program_.blocks;
      node.kind = Node::Kind::kList;
      node.first = blocks.size();
      blocks.reserve(blocks.size() + runs_.size() + 1);
      for (const Run& run : runs_) {
        blocks.push_back(Block{run.offset, node.size});
        node.size += run.length;
      }
      blocks.push_back(Block{0, node.size});
    }

    struct Run {
      Count offset;
      Count length;
    };

    Compiler& compiler_;
    std::vector<Run> runs_;
    std::vector<Placed> placed_;
    std::vector<Part> parts_;
  };

  Placed named(Named type) {
    const Kind& k = kind(type);
    if (!k.pair) return Placed{0, block(k.size)};
    Assembler assembler(*this);
    assembler.append(Placed{0, block(kind(k.value).size)});
    assembler.append(Placed{k.index_offset, block(kind(k.index).size)});
    return assembler.finish();
  }

  /// Each type once, however many blocks of it there are.
  Placed child(const Type& of) {
    if (const auto known = known_.find(&of); known != known_.end()) return known->second;
    const Placed placed = type(of);
    known_.emplace(&of, placed);
    return placed;
  }

  Placed repeat(const Placed& inner, Count count, Count stride) {
    const Node& node = inner.node;
    if (count == 0 || node.size == 0) return Placed{};
    if (count == 1) return inner;
    Placed outer{inner.offset, repeated(node, kNotKept, count, stride)};
    if (outer.node.kind == Node::Kind::kLoop && outer.node.first == kNotKept) outer.node.first = keep(node);
    return outer;
  }

  std::size_t keep(const Node& node) {
    program_.nodes.push_back(node);
    return program_.nodes.size() - 1;
  }

  Program& program_;
  std::unordered_map<const Type*, Placed> known_;
};

}  // namespace

std::unique_ptr<const Program> compile(const Type& type) {
  auto program = std::make_unique<Program>();
  const Placed root = Compiler(*program).type(type);
  program->nodes.push_back(root.node);
  program->offset = root.offset;
  program->nodes.shrink_to_fit();
  program->parts.shrink_to_fit();
  program->blocks.shrink_to_fit();
  program->offsets.shrink_to_fit();
  return program;
}

}  // namespace tally::datatype
