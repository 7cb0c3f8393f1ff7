// SPDX-License-Identifier: BSD-3-Clause
// Graphs and distributed graphs (MPI 5.0, 8.5.3 to 8.5.5). Processes are not reordered.
#include <algorithm>
#include <memory>
#include <utility>

#include "core/comm.hpp"
#include "core/error.hpp"
#include "core/functions.hpp"
#include "core/handles.hpp"
#include "core/request.hpp"
#include "core/topology.hpp"

namespace tally::mpi {
namespace {

void check_out(const void* pointer, const char* name) {
  if (pointer == nullptr) fail(MPI_ERR_ARG, "{} is NULL", name);
}
void check_array(const void* array, int length, const char* name) {
  if (length > 0) check_out(array, name);
}

std::size_t at(int i) noexcept { return static_cast<std::size_t>(i); }

// --- graphs
// -------------------------------------------------------------------------------------------------

void check_graph(int nnodes, const int index[], const int edges[], int available) {
  if (nnodes < 0 || nnodes > available)
    fail(MPI_ERR_ARG, "nnodes {} is out of range (0 to {}, the processes of comm)", nnodes, available);
  check_array(index, nnodes, "index");
  int before = 0;
  for (int i = 0; i < nnodes; ++i) {
    if (index[i] < before)
      fail(MPI_ERR_ARG, "index[{}] {} is less than the {} before it", i, index[i], before);
    before = index[i];
  }
  check_array(edges, before, "edges");
  for (int i = 0; i < before; ++i) {
    if (edges[i] < 0 || edges[i] >= nnodes)
      fail(MPI_ERR_ARG, "edges[{}] {} is out of range (0 to {})", i, edges[i], nnodes - 1);
  }
}

/// Edges of a node of a graph.
std::pair<int, int> edges_of(const Topology& graph, int rank) {
  return {rank == 0 ? 0 : graph.index[at(rank - 1)], graph.index[at(rank)]};
}

void check_rank(int rank, int size) {
  if (rank < 0 || rank >= size) fail(MPI_ERR_RANK, "rank {} is out of range (0 to {})", rank, size - 1);
}

// --- distributed graphs
// -------------------------------------------------------------------------------------

// MPI_UNWEIGHTED is no array; MPI_WEIGHTS_EMPTY is one of no elements.
bool has_weights(const int* weights) { return weights != MPI_UNWEIGHTED; }

void check_neighbors(int degree, const int ranks[], const int weights[], int size, const char* degree_name,
                     const char* ranks_name, const char* weights_name) {
  if (degree < 0) fail(MPI_ERR_ARG, "{} {} is negative", degree_name, degree);
  check_array(ranks, degree, ranks_name);
  for (int i = 0; i < degree; ++i) {
    if (ranks[i] < 0 || ranks[i] >= size)
      fail(MPI_ERR_RANK, "{}[{}] {} is out of range (0 to {})", ranks_name, i, ranks[i], size - 1);
  }
  if (!has_weights(weights) || degree == 0) return;
  if (weights == nullptr || weights == MPI_WEIGHTS_EMPTY)
    fail(MPI_ERR_ARG, "{} has no elements, but {} is {}", weights_name, degree_name, degree);
  for (int i = 0; i < degree; ++i) {
    if (weights[i] < 0) fail(MPI_ERR_ARG, "{}[{}] {} is negative", weights_name, i, weights[i]);
  }
}

/// What a process has to know of an edge that another one specified.
struct EdgeEnd {
  int outgoing;  ///< from the process that is told
  int other;
  int weight;
};

/// Sends told[r] to each rank r; *heard is what all of them sent here, by their rank.
Task exchange_ends(Comm& comm, std::vector<std::vector<EdgeEnd>> told, std::vector<EdgeEnd>* heard) {
  const int tag = creation_tag(next_creation(comm));
  const std::size_t size = told.size();
  const auto own = static_cast<std::size_t>(comm.rank);
  // Row r: how many rank r has for each.
  std::vector<int> counts(size * size);
  for (std::size_t r = 0; r < size; ++r) counts[own * size + r] = static_cast<int>(told[r].size());
  co_await gather_all(comm, tag, counts.data(), size * sizeof(int));
  std::size_t total = 0;
  for (std::size_t r = 0; r < size; ++r) total += static_cast<std::size_t>(counts[r * size + own]);
  heard->resize(total);
  Operations messages;
  std::size_t first = 0;
  for (std::size_t r = 0; r < size; ++r) {
    const auto count = static_cast<std::size_t>(counts[r * size + own]);
    if (r == own) {
      std::copy(told[own].begin(), told[own].end(), heard->begin() + static_cast<std::ptrdiff_t>(first));
    } else if (count > 0) {
      messages.receive(comm.internal, heard->data() + first, count * sizeof(EdgeEnd), static_cast<int>(r),
                       tag);
    }
    first += count;
  }
  for (std::size_t r = 0; r < size; ++r) {
    if (r != own && !told[r].empty())
      messages.send(comm.internal, told[r].data(), told[r].size() * sizeof(EdgeEnd), static_cast<int>(r),
                    tag);
  }
  co_await messages.all();
}

MPI_Comm with_topology(Comm& old, int nodes, std::unique_ptr<Topology> topology) {
  const std::uint64_t key = creation_key(old, next_creation(old));
  if (old.rank >= nodes) return MPI_COMM_NULL;
  Ref<Comm> made = new_comm(&old);
  run(build(*made, {old.members->ranks.begin(), old.members->ranks.begin() + nodes}, key));
  made->topology = std::move(topology);
  return handle(made.give());
}

}  // namespace

// --- graphs
// -------------------------------------------------------------------------------------------------

void Graph_create(MPI_Comm comm_old, int nnodes, const int indx[], const int edges[], int,
                  MPI_Comm* comm_graph) {
  Comm& old = check_intra(get_comm(comm_old, "comm_old"), "comm_old");
  check_out(comm_graph, "comm_graph");
  check_graph(nnodes, indx, edges, old.size);
  auto graph = std::make_unique<Topology>(Topology::Type::kGraph);
  if (nnodes > 0) {
    graph->index.assign(indx, indx + nnodes);
    if (graph->index.back() > 0) graph->edges.assign(edges, edges + graph->index.back());
  }
  if (old.rank < nnodes) {
    const auto [first, last] = edges_of(*graph, old.rank);
    graph->sources.assign(graph->edges.begin() + first, graph->edges.begin() + last);
    graph->destinations = graph->sources;
  }
  *comm_graph = with_topology(old, nnodes, std::move(graph));
}

void Graph_map(MPI_Comm comm, int nnodes, const int indx[], const int edges[], int* newrank) {
  const Comm& object = check_intra(get_comm(comm));
  check_out(newrank, "newrank");
  check_graph(nnodes, indx, edges, object.size);
  *newrank = object.rank < nnodes ? object.rank : MPI_UNDEFINED;
}

void Graphdims_get(MPI_Comm comm, int* nnodes, int* nedges) {
  const Topology& graph = topology_of(get_comm(comm), Topology::Type::kGraph);
  check_out(nnodes, "nnodes");
  check_out(nedges, "nedges");
  *nnodes = static_cast<int>(graph.index.size());
  *nedges = static_cast<int>(graph.edges.size());
}

void Graph_get(MPI_Comm comm, int maxindex, int maxedges, int indx[], int edges[]) {
  const Topology& graph = topology_of(get_comm(comm), Topology::Type::kGraph);
  if (maxindex < 0) fail(MPI_ERR_ARG, "maxindex {} is negative", maxindex);
  if (maxedges < 0) fail(MPI_ERR_ARG, "maxedges {} is negative", maxedges);
  const std::size_t nodes = std::min(graph.index.size(), at(maxindex));
  const std::size_t count = std::min(graph.edges.size(), at(maxedges));
  check_array(indx, static_cast<int>(nodes), "index");
  check_array(edges, static_cast<int>(count), "edges");
  std::copy_n(graph.index.begin(), nodes, indx);
  std::copy_n(graph.edges.begin(), count, edges);
}

void Graph_neighbors_count(MPI_Comm comm, int rank, int* nneighbors) {
  const Comm& object = get_comm(comm);
  const Topology& graph = topology_of(object, Topology::Type::kGraph);
  check_rank(rank, object.size);
  check_out(nneighbors, "nneighbors");
  const auto [first, last] = edges_of(graph, rank);
  *nneighbors = last - first;
}

void Graph_neighbors(MPI_Comm comm, int rank, int maxneighbors, int neighbors[]) {
  const Comm& object = get_comm(comm);
  const Topology& graph = topology_of(object, Topology::Type::kGraph);
  check_rank(rank, object.size);
  if (maxneighbors < 0) fail(MPI_ERR_ARG, "maxneighbors {} is negative", maxneighbors);
  const auto [first, last] = edges_of(graph, rank);
  const int count = std::min(last - first, maxneighbors);
  check_array(neighbors, count, "neighbors");
  std::copy_n(graph.edges.begin() + first, count, neighbors);
}

// --- distributed graphs
// -------------------------------------------------------------------------------------

void Dist_graph_create_adjacent(MPI_Comm comm_old, int indegree, const int sources[],
                                const int sourceweights[], int outdegree, const int destinations[],
                                const int destweights[], MPI_Info info, int, MPI_Comm* comm_dist_graph) {
  Comm& old = check_intra(get_comm(comm_old, "comm_old"), "comm_old");
  check_out(comm_dist_graph, "comm_dist_graph");
  if (info != MPI_INFO_NULL) get_info(info);
  check_neighbors(indegree, sources, sourceweights, old.size, "indegree", "sources", "sourceweights");
  check_neighbors(outdegree, destinations, destweights, old.size, "outdegree", "destinations", "destweights");
  if (has_weights(sourceweights) != has_weights(destweights))
    fail(MPI_ERR_ARG, "one of sourceweights and destweights is MPI_UNWEIGHTED, the other is not");
  auto graph = std::make_unique<Topology>(Topology::Type::kDistributedGraph);
  graph->weighted = has_weights(sourceweights);
  if (indegree > 0) graph->sources.assign(sources, sources + indegree);
  if (outdegree > 0) graph->destinations.assign(destinations, destinations + outdegree);
  if (graph->weighted) {
    if (indegree > 0) graph->source_weights.assign(sourceweights, sourceweights + indegree);
    if (outdegree > 0) graph->destination_weights.assign(destweights, destweights + outdegree);
  }
  *comm_dist_graph = with_topology(old, old.size, std::move(graph));
}

void Dist_graph_create(MPI_Comm comm_old, int n, const int sources[], const int degrees[],
                       const int destinations[], const int weights[], MPI_Info info, int,
                       MPI_Comm* comm_dist_graph) {
  Comm& old = check_intra(get_comm(comm_old, "comm_old"), "comm_old");
  check_out(comm_dist_graph, "comm_dist_graph");
  if (info != MPI_INFO_NULL) get_info(info);
  if (n < 0) fail(MPI_ERR_ARG, "n {} is negative", n);
  check_array(degrees, n, "degrees");
  int edges = 0;
  for (int i = 0; i < n; ++i) {
    if (degrees[i] < 0) fail(MPI_ERR_ARG, "degrees[{}] {} is negative", i, degrees[i]);
    edges += degrees[i];
  }
  check_neighbors(n, sources, MPI_UNWEIGHTED, old.size, "n", "sources", "weights");
  check_neighbors(edges, destinations, weights, old.size, "the sum of degrees", "destinations", "weights");

  std::vector<std::vector<EdgeEnd>> told(at(old.size));
  int edge = 0;
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < degrees[i]; ++j, ++edge) {
      const int weight = has_weights(weights) ? weights[edge] : 0;
      told[at(sources[i])].push_back({1, destinations[edge], weight});
      told[at(destinations[edge])].push_back({0, sources[i], weight});
    }
  }
  std::vector<EdgeEnd> heard;
  run(exchange_ends(old, std::move(told), &heard));

  auto graph = std::make_unique<Topology>(Topology::Type::kDistributedGraph);
  graph->weighted = has_weights(weights);
  for (const EdgeEnd& end : heard) {
    (end.outgoing != 0 ? graph->destinations : graph->sources).push_back(end.other);
    if (graph->weighted)
      (end.outgoing != 0 ? graph->destination_weights : graph->source_weights).push_back(end.weight);
  }
  *comm_dist_graph = with_topology(old, old.size, std::move(graph));
}

void Dist_graph_neighbors_count(MPI_Comm comm, int* indegree, int* outdegree, int* weighted) {
  const Topology& graph = topology_of(get_comm(comm), Topology::Type::kDistributedGraph);
  check_out(indegree, "indegree");
  check_out(outdegree, "outdegree");
  check_out(weighted, "weighted");
  *indegree = static_cast<int>(graph.sources.size());
  *outdegree = static_cast<int>(graph.destinations.size());
  *weighted = graph.weighted;
}

void Dist_graph_neighbors(MPI_Comm comm, int maxindegree, int sources[], int sourceweights[],
                          int maxoutdegree, int destinations[], int destweights[]) {
  const Topology& graph = topology_of(get_comm(comm), Topology::Type::kDistributedGraph);
  if (maxindegree < 0) fail(MPI_ERR_ARG, "maxindegree {} is negative", maxindegree);
  if (maxoutdegree < 0) fail(MPI_ERR_ARG, "maxoutdegree {} is negative", maxoutdegree);
  const std::size_t in = std::min(graph.sources.size(), at(maxindegree));
  const std::size_t out = std::min(graph.destinations.size(), at(maxoutdegree));
  check_array(sources, static_cast<int>(in), "sources");
  check_array(destinations, static_cast<int>(out), "destinations");
  std::copy_n(graph.sources.begin(), in, sources);
  std::copy_n(graph.destinations.begin(), out, destinations);
  if (!graph.weighted) return;
  if (in > 0 && has_weights(sourceweights)) {
    check_out(sourceweights, "sourceweights");
    std::copy_n(graph.source_weights.begin(), in, sourceweights);
  }
  if (out > 0 && has_weights(destweights)) {
    check_out(destweights, "destweights");
    std::copy_n(graph.destination_weights.begin(), out, destweights);
  }
}

}  // namespace tally::mpi
