package io.github.demitasse.graph.rewrite;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.TopologicalOrder;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.operator.GraphInference;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.weight.Weight;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Confined to one thread: a model being rewritten. Nodes are replaced one by one; what nobody reads
 * any more disappears at once, so that "has one consumer" always means what it says.
 */
final class GraphEditor {

  /** A node's place in the order of execution; a removed place still leads to those behind it. */
  private static final class Place {
    final Node node;
    Place previous;
    Place next;
    boolean removed;

    Place(Node node) {
      this.node = node;
    }
  }

  private final Model model;
  private final Place head = new Place(null);
  private final Map<Node, Place> places = new IdentityHashMap<>();
  private final Map<String, Node> producers = new HashMap<>();
  private final Map<String, Set<Place>> consumers = new HashMap<>();
  private final Map<String, Weight> weights;
  private final Set<String> kept = new HashSet<>();
  private final Set<String> valueNames = new HashSet<>();
  private final Map<String, Integer> nodeNames = new HashMap<>();
  private final Map<String, ValueInfo> madeValues = new HashMap<>();
  private GraphInference inference;

  GraphEditor(Model model) {
    this.model = model;
    this.weights = new LinkedHashMap<>(model.weights());
    Graph graph = model.graph();
    graph.inputs().forEach(input -> valueNames.add(input.name()));
    valueNames.addAll(weights.keySet());
    kept.addAll(graph.outputNames());
    Place last = head;
    for (Node node : graph.nodes()) {
      last = insertAfter(last, node);
      keepCaptured(node);
    }
    for (Node node : graph.nodes()) {
      removeIfUnused(node);
    }
  }

  /** Values that subgraphs (If, Loop, Scan) take from around them cannot be renamed or dropped. */
  private void keepCaptured(Node node) {
    for (Attribute attribute : node.attributes().values()) {
      if (attribute instanceof Attribute.OfGraph subgraph) {
        kept.addAll(TopologicalOrder.captured(subgraph.value()));
      }
    }
  }

  // ---- reading

  /** The version of ONNX's operator set. */
  int opset() {
    return model.graph().opset();
  }

  /** The version of a domain's operator set. */
  int opset(String domain) {
    return domain.isEmpty() ? opset() : model.graph().opsets().getOrDefault(domain, 1);
  }

  /** The nodes as they are now, in execution order. */
  List<Node> nodes() {
    List<Node> nodes = new ArrayList<>(places.size());
    for (Place place = head.next; place != null; place = place.next) {
      nodes.add(place.node);
    }
    return nodes;
  }

  boolean contains(Node node) {
    return places.containsKey(node);
  }

  /** The node that computes a value; null for inputs and weights. */
  Node producer(String value) {
    return producers.get(value);
  }

  /** The ONNX node {@code operator} that computes a value as its first output, else null. */
  Node producer(String value, String operator) {
    Node node = producers.get(value);
    return node != null && node.is(operator) && node.output(0).equals(value) ? node : null;
  }

  /** The node of Demitasse's domain that computes a value as its first output, else null. */
  Node fusedProducer(String value, String operator) {
    Node node = producers.get(value);
    boolean found =
        node != null && node.is(Domains.DEMITASSE, operator) && node.output(0).equals(value);
    return found ? node : null;
  }

  /** The nodes that read a value, each once. */
  List<Node> consumers(String value) {
    Set<Place> places = consumers.get(value);
    return places == null ? List.of() : places.stream().map(place -> place.node).toList();
  }

  /** True when exactly one node reads the value and it is not an output of the graph. */
  boolean hasOneConsumer(String value) {
    Set<Place> places = consumers.get(value);
    return places != null && places.size() == 1 && !kept.contains(value);
  }

  /** True for outputs of the graph and values that subgraphs read: their names must stay. */
  boolean isKept(String value) {
    return kept.contains(value);
  }

  /** The weight of this name, or null when the value is not constant. */
  Weight weight(String value) {
    return weights.get(value);
  }

  /** The value's type; null when not known. */
  DataType type(String value) {
    ValueInfo info = info(value);
    return info == null ? null : info.type();
  }

  /** The value's shape; null when not even its rank is known. */
  Shape shape(String value) {
    ValueInfo info = info(value);
    return info == null ? null : info.shape();
  }

  /** The value's rank, -1 when not known. */
  int rank(String value) {
    Shape shape = shape(value);
    return shape == null ? -1 : shape.rank();
  }

  private ValueInfo info(String value) {
    Weight weight = weights.get(value);
    if (weight != null) {
      return new ValueInfo(value, weight.type(), Shape.of(weight.shape()));
    }
    ValueInfo made = madeValues.get(value);
    return made != null ? made : inference().values().get(value);
  }

  /** The content of an integer value of rank 0 or 1 as numbers and symbols; null when not known. */
  List<Dimension> content(String value) {
    Weight weight = weights.get(value);
    if (weight != null) {
      long[] numbers = weight.shape().length > 1 ? null : Constants.integers(weight);
      return numbers == null ? null : Arrays.stream(numbers).mapToObj(Dimension::of).toList();
    }
    return madeValues.containsKey(value) ? null : inference().content(value);
  }

  /** Inference over the model as it was given: replaced nodes keep the names of their outputs. */
  private GraphInference inference() {
    if (inference == null) {
      inference = GraphInference.of(model);
    }
    return inference;
  }

  // ---- writing

  /**
   * Puts {@code replacement} at the place of {@code node}. Each output of the node that somebody
   * reads must be an output of the replacement; everything that only the node needed disappears.
   */
  void replace(Node node, List<Node> replacement) {
    Place place = places.get(node);
    Place last = place.previous;
    unlink(place);
    for (Node added : replacement) {
      last = insertAfter(last, added);
    }
    for (String input : node.inputs()) {
      Node producer = producers.get(input);
      if (producer != null) {
        removeIfUnused(producer);
      }
    }
  }

  void replace(Node node, Node... replacement) {
    replace(node, List.of(replacement));
  }

  /**
   * Makes every reader of {@code value} read {@code other} and drops the node that computed it.
   *
   * @return false when that is impossible because both names must stay
   */
  boolean redirect(String value, String other) {
    if (kept.contains(value)) {
      return renameAs(value, other);
    }
    for (Node consumer : consumers(value)) {
      List<String> inputs = new ArrayList<>(consumer.inputs());
      inputs.replaceAll(input -> input.equals(value) ? other : input);
      replace(consumer, consumer.withInputs(inputs));
    }
    Node producer = producers.get(value);
    if (producer != null) {
      removeIfUnused(producer);
    }
    return true;
  }

  /** Gives {@code other} the name {@code value}, which must stay; its present producer goes. */
  private boolean renameAs(String value, String other) {
    Node source = producers.get(other);
    Node former = producers.get(value);
    boolean possible =
        source != null && former != null && !kept.contains(other) && former.outputs().size() == 1;
    if (!possible) {
      return false;
    }
    List<Node> readers = consumers(other);
    unlink(places.get(former));
    List<String> outputs = new ArrayList<>(source.outputs());
    outputs.replaceAll(output -> output.equals(other) ? value : output);
    replace(source, source.withOutputs(outputs));
    for (Node reader : readers) {
      if (reader != former) {
        List<String> inputs = new ArrayList<>(reader.inputs());
        inputs.replaceAll(input -> input.equals(other) ? value : input);
        replace(reader, reader.withInputs(inputs));
      }
    }
    former.inputs().stream()
        .map(producers::get)
        .filter(producer -> producer != null)
        .forEach(this::removeIfUnused);
    return true;
  }

  /**
   * Turns a value into a weight and drops the node that computed it.
   *
   * @return false when the value's name must stay what it is, a computed output
   */
  boolean makeConstant(String value, Weight weight) {
    if (kept.contains(value)) {
      return false;
    }
    Node producer = producers.get(value);
    if (producer.outputs().size() > 1) {
      return redirect(value, addWeight(value, weight));
    }
    weights.put(value, weight);
    unlink(places.get(producer));
    for (String input : producer.inputs()) {
      Node upstream = producers.get(input);
      if (upstream != null) {
        removeIfUnused(upstream);
      }
    }
    return true;
  }

  /** Adds a weight under a new name, the one given if it is free. */
  String addWeight(String name, Weight weight) {
    String free = freshValue(name);
    weights.put(free, weight);
    return free;
  }

  /** Stores a weight in another way, or one of another shape when all its readers expect that. */
  void replaceWeight(String name, Weight weight) {
    weights.replace(name, weight);
  }

  /** States type and shape of a value that a rewrite has made. */
  void describe(String value, DataType type, Shape shape) {
    madeValues.put(value, new ValueInfo(value, type, shape));
  }

  /** A value name that is not taken: {@code base} if possible. */
  String freshValue(String base) {
    String name = base;
    for (int i = 1; !valueNames.add(name); i++) {
      name = base + "_" + i;
    }
    return name;
  }

  /** A name for what takes the place of {@code replaced}: {@code base} if possible. */
  String freshNode(String base, Node replaced) {
    return base.equals(replaced.name()) ? base : freshNode(base);
  }

  /** A node name that is not taken: {@code base} if possible. */
  String freshNode(String base) {
    String name = base;
    for (int i = 1; nodeNames.containsKey(name); i++) {
      name = base + "_" + i;
    }
    return name;
  }

  private Place insertAfter(Place last, Node node) {
    Place place = new Place(node);
    place.previous = last;
    place.next = last.next;
    if (last.next != null) {
      last.next.previous = place;
    }
    last.next = place;
    places.put(node, place);
    nodeNames.merge(node.name(), 1, Integer::sum);
    for (String input : node.inputs()) {
      if (!input.isEmpty()) {
        consumers.computeIfAbsent(input, key -> new LinkedHashSet<>()).add(place);
      }
    }
    for (String output : node.outputs()) {
      if (!output.isEmpty()) {
        producers.put(output, node);
        valueNames.add(output);
      }
    }
    return place;
  }

  private void unlink(Place place) {
    place.removed = true;
    place.previous.next = place.next;
    if (place.next != null) {
      place.next.previous = place.previous;
    }
    Node node = place.node;
    places.remove(node);
    nodeNames.computeIfPresent(node.name(), (name, count) -> count == 1 ? null : count - 1);
    for (String input : node.inputs()) {
      Set<Place> readers = consumers.get(input);
      if (readers != null) {
        readers.remove(place);
      }
    }
    for (String output : node.outputs()) {
      producers.remove(output, node);
    }
  }

  private void removeIfUnused(Node start) {
    Deque<Node> candidates = new ArrayDeque<>();
    candidates.add(start);
    while (!candidates.isEmpty()) {
      Node node = candidates.remove();
      Place place = places.get(node);
      if (place == null || node.outputs().stream().anyMatch(this::isUsed)) {
        continue;
      }
      unlink(place);
      for (String input : node.inputs()) {
        Node producer = producers.get(input);
        if (producer != null) {
          candidates.add(producer);
        }
      }
    }
  }

  private boolean isUsed(String value) {
    Set<Place> readers = consumers.get(value);
    return kept.contains(value) || readers != null && !readers.isEmpty();
  }

  // ---- driving

  /**
   * Tries a rewrite at every node once, in order; true when something changed.
   *
   * @throws IllegalArgumentException if a node is not what its operator demands
   */
  boolean sweep(Rewrite rewrite) {
    boolean changed = false;
    Set<String> roots = rewrite.roots();
    for (Place place = head.next; place != null; place = place.next) {
      boolean wanted = roots.isEmpty() || roots.contains(place.node.qualifiedOperator());
      if (wanted && !place.removed) {
        changed |= apply(rewrite, place.node);
      }
    }
    return changed;
  }

  private boolean apply(Rewrite rewrite, Node node) {
    try {
      return rewrite.apply(node, this);
    } catch (IndexOutOfBoundsException malformed) {
      throw new IllegalArgumentException(
          "node '"
              + node.name()
              + "' ("
              + node.qualifiedOperator()
              + ") or one it reads from has fewer inputs, outputs or dimensions than it needs",
          malformed);
    }
  }

  /** The rewritten model: nodes in topological order, only the weights that are still in use. */
  Model finish() {
    Graph graph = model.graph();
    Set<String> given = new HashSet<>(weights.keySet());
    graph.inputs().forEach(input -> given.add(input.name()));
    List<Node> nodes = TopologicalOrder.of(nodes(), given);
    Set<String> used = new HashSet<>(kept);
    Map<String, Integer> opsets = new LinkedHashMap<>(graph.opsets());
    Map<String, ValueInfo> values = new LinkedHashMap<>();
    for (Node node : nodes) {
      used.addAll(node.inputs());
      opsets.putIfAbsent(node.domain(), 1);
      for (String output : node.outputs()) {
        ValueInfo info = graph.values().getOrDefault(output, madeValues.get(output));
        if (info != null) {
          values.put(output, info);
        }
      }
    }
    Map<String, Weight> usedWeights = new LinkedHashMap<>();
    weights.forEach(
        (name, weight) -> {
          if (used.contains(name)) {
            usedWeights.put(name, weight);
          }
        });
    Graph rewritten =
        new Graph(graph.name(), opsets, graph.inputs(), graph.outputs(), nodes, values);
    return new Model(rewritten, usedWeights, model.metadata());
  }
}
