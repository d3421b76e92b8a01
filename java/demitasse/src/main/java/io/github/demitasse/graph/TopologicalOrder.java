package io.github.demitasse.graph;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;

/** Thread-safe: puts nodes into an order in which each value is produced before it is read. */
public final class TopologicalOrder {
  private TopologicalOrder() {}

  /**
   * The nodes in an order of execution; the given order where it is one already.
   *
   * @param nodes in any order
   * @param given names of the values that no node produces: inputs, weights, values of an enclosing
   *     graph
   * @throws IllegalArgumentException naming the value or nodes at fault, if a value is defined
   *     twice, is not defined at all, or depends on itself
   */
  public static List<Node> of(List<Node> nodes, Set<String> given) {
    Map<String, Integer> producers = new HashMap<>();
    for (int i = 0; i < nodes.size(); i++) {
      for (String output : nodes.get(i).outputs()) {
        if (output.isEmpty()) {
          continue;
        }
        Integer other = producers.put(output, i);
        if (other != null || given.contains(output)) {
          throw new IllegalArgumentException(
              "value '"
                  + output
                  + "' of node '"
                  + nodes.get(i).name()
                  + "' is defined "
                  + (other == null
                      ? "already as an input or weight"
                      : "by node '" + nodes.get(other).name() + "', too"));
        }
      }
    }
    int[] waitingFor = new int[nodes.size()];
    List<List<Integer>> readers = new ArrayList<>();
    for (int i = 0; i < nodes.size(); i++) {
      readers.add(new ArrayList<>(2));
    }
    boolean ordered = true;
    for (int i = 0; i < nodes.size(); i++) {
      for (String value : values(nodes.get(i))) {
        Integer producer = producers.get(value);
        if (producer != null) {
          readers.get(producer).add(i);
          waitingFor[i]++;
          ordered &= producer < i;
        } else if (!given.contains(value)) {
          throw new IllegalArgumentException(
              "node '"
                  + nodes.get(i).name()
                  + "' reads value '"
                  + value
                  + "', which is not defined");
        }
      }
    }
    return ordered ? List.copyOf(nodes) : sorted(nodes, waitingFor, readers);
  }

  /** Kahn's algorithm; among nodes that are ready, the one given first comes first. */
  private static List<Node> sorted(
      List<Node> nodes, int[] waitingFor, List<List<Integer>> readers) {
    PriorityQueue<Integer> ready = new PriorityQueue<>();
    for (int i = 0; i < waitingFor.length; i++) {
      if (waitingFor[i] == 0) {
        ready.add(i);
      }
    }
    List<Node> order = new ArrayList<>(nodes.size());
    while (!ready.isEmpty()) {
      int node = ready.remove();
      order.add(nodes.get(node));
      for (int reader : readers.get(node)) {
        if (--waitingFor[reader] == 0) {
          ready.add(reader);
        }
      }
    }
    if (order.size() < nodes.size()) {
      throw new IllegalArgumentException("a cycle: " + cycle(nodes, waitingFor, readers));
    }
    return order;
  }

  /** Walks from a stuck node to the stuck nodes that read it until one comes again. */
  private static String cycle(List<Node> nodes, int[] waitingFor, List<List<Integer>> readers) {
    // Stuck nodes that nobody stuck reads hang off a cycle without being on it: take them away.
    boolean[] stuck = new boolean[waitingFor.length];
    for (int i = 0; i < stuck.length; i++) {
      stuck[i] = waitingFor[i] > 0;
    }
    int[] stuckReaders = new int[stuck.length];
    Map<Integer, List<Integer>> writers = new HashMap<>();
    for (int i = 0; i < stuck.length; i++) {
      for (int reader : readers.get(i)) {
        if (stuck[i] && stuck[reader]) {
          stuckReaders[i]++;
          writers.computeIfAbsent(reader, key -> new ArrayList<>()).add(i);
        }
      }
    }
    List<Integer> loose = new ArrayList<>();
    for (int i = 0; i < stuck.length; i++) {
      if (stuck[i] && stuckReaders[i] == 0) {
        loose.add(i);
      }
    }
    while (!loose.isEmpty()) {
      int node = loose.remove(loose.size() - 1);
      stuck[node] = false;
      for (int writer : writers.getOrDefault(node, List.of())) {
        if (--stuckReaders[writer] == 0) {
          loose.add(writer);
        }
      }
    }
    int node = 0;
    while (!stuck[node]) {
      node++;
    }
    LinkedHashSet<Integer> path = new LinkedHashSet<>();
    while (path.add(node)) {
      node = readers.get(node).stream().filter(reader -> stuck[reader]).findFirst().orElseThrow();
    }
    List<Integer> walked = new ArrayList<>(path);
    List<Integer> loop = walked.subList(walked.indexOf(node), walked.size());
    StringBuilder text = new StringBuilder();
    for (int member : loop.subList(0, Math.min(loop.size(), 8))) {
      text.append("'").append(nodes.get(member).name()).append("' -> ");
    }
    return text.append(loop.size() > 8 ? "..." : "'" + nodes.get(node).name() + "'").toString();
  }

  /** Values that a node reads: its inputs and what its subgraphs take from around them. */
  private static Set<String> values(Node node) {
    Set<String> values = new LinkedHashSet<>(node.inputs());
    values.remove("");
    for (Attribute attribute : node.attributes().values()) {
      if (attribute instanceof Attribute.OfGraph subgraph) {
        values.addAll(captured(subgraph.value()));
      }
    }
    return values;
  }

  /** Names that a graph reads or gives back without defining them. */
  public static Set<String> captured(Graph graph) {
    Set<String> defined = new HashSet<>();
    graph.inputs().forEach(input -> defined.add(input.name()));
    graph.nodes().forEach(node -> defined.addAll(node.outputs()));
    Set<String> captured = new LinkedHashSet<>();
    graph.nodes().forEach(node -> captured.addAll(values(node)));
    graph.outputs().forEach(output -> captured.add(output.name()));
    captured.removeAll(defined);
    return captured;
  }
}
