package io.github.demitasse.runtime;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.natives.Demitasse;
import io.github.demitasse.runtime.NativeStatus.Origin;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.BinaryWeight;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Confined to one thread: turns a graph into a native program.
 *
 * <p>First the nodes that the wanted outputs need are found, from the last to the first, then each
 * adds its operations in order. A value that only INT8 operators read is produced as codes by the
 * operation that computes it, where that operation can.
 */
final class Lowering {
  /** A node that is needed. */
  record Step(Node node, NodeLowering lowering) {}

  private final Model model;
  private final GraphView view;
  private final PackedWeights packedWeights;
  private ProgramBuilder program;
  private final Map<String, Node> producers;
  private final Map<String, List<Node>> consumers;
  private final Set<String> outputs;

  private final List<Step> steps = new ArrayList<>();
  private Demands demands;

  private final Map<String, Integer> ids = new HashMap<>();
  private final ChannelsLast channelsLast = new ChannelsLast(this);
  private final Map<String, Map<RowShape, Integer>> constants = new HashMap<>();
  private final Map<String, Map<Quantization, Integer>> codes = new HashMap<>();
  private final Map<String, Integer> signs = new HashMap<>(); // by result of Binarize
  private boolean acrossRows;

  private Lowering(Request request, GraphView view, Collection<String> outputs) {
    this.model = request.model();
    this.packedWeights = request.weights();
    this.view = view;
    this.producers = model.graph().producers();
    this.consumers = model.graph().consumers();
    this.outputs = new HashSet<>(outputs);
  }

  /** What is lowered, and the weights it shares with other programs. */
  record Request(Model model, PackedWeights weights) {}

  /**
   * A finished program and which of the graph's inputs, by position, it binds.
   *
   * @param separable true when sequences do not influence each other
   */
  record Result(NativeProgram program, int[] inputs, boolean separable) {}

  /**
   * Lowers what the outputs need.
   *
   * @param outputs names, in the order in which the program binds them
   * @throws NotLowerableException if a node or value does not fit the view
   */
  static Result lower(Request request, GraphView view, Collection<String> outputs) {
    Lowering lowering = new Lowering(request, view, outputs);
    Set<String> needed = lowering.findSteps();
    lowering.demands = new Demands(lowering.steps, outputs, lowering);
    try (ProgramBuilder program = new ProgramBuilder()) { // waits for the native library
      lowering.program = program;
      return lowering.build(needed, outputs);
    }
  }

  private Result build(Set<String> needed, Collection<String> orderedOutputs) {
    int[] inputs = defineInputs(needed);
    for (Step step : steps) {
      Origin origin = new Origin(step.node(), model.graph().opset(step.node()));
      program.begin(origin);
      try {
        step.lowering().lower(step.node(), this);
      } catch (UnsupportedOperationException noKernel) {
        throw origin.unsupported(noKernel.getMessage());
      }
    }
    for (String output : orderedOutputs) {
      program.output(id(output));
    }
    return new Result(program.finish(!acrossRows), inputs, !acrossRows);
  }

  /** Returns the values that are needed at run time. */
  private Set<String> findSteps() {
    Set<String> needed = new HashSet<>(outputs);
    List<Node> nodes = model.graph().nodes();
    for (int i = nodes.size() - 1; i >= 0; i--) {
      Node node = nodes.get(i);
      if (!isNeeded(node, needed)) {
        continue;
      }
      NodeLowering lowering = NodeLowerings.of(node, this);
      steps.add(new Step(node, lowering));
      for (String input : lowering.reads(node, this)) {
        if (!input.isEmpty() && !view.isConstant(input)) {
          needed.add(input);
        }
      }
    }
    Collections.reverse(steps);
    return needed;
  }

  private boolean isNeeded(Node node, Set<String> needed) {
    for (String output : node.outputs()) {
      if (needed.contains(output) && !view.isConstant(output)) {
        return true;
      }
    }
    return false;
  }

  private int[] defineInputs(Set<String> needed) {
    List<ValueInfo> all = model.graph().inputs();
    int[] bound = new int[all.size()];
    int count = 0;
    for (int i = 0; i < bound.length; i++) {
      String name = all.get(i).name();
      if (needed.contains(name) && !view.isConstant(name)) {
        program.input(define(name));
        bound[count++] = i;
      }
    }
    return Arrays.copyOf(bound, count);
  }

  // ---- the graph, for the lowerings

  GraphView view() {
    return view;
  }

  RowShape shape(String value) {
    return view.shape(value);
  }

  /** The node that computes a value, or null. */
  Node producer(String value) {
    return producers.get(value);
  }

  /** True when one node alone reads the value and no caller gets it. */
  boolean hasOneReader(String value) {
    return onlyReader(value) != null;
  }

  /** The node that alone reads a value that no caller gets, or null. */
  Node onlyReader(String value) {
    List<Node> readers = consumers.getOrDefault(value, List.of());
    return readers.size() == 1 && !outputs.contains(value) ? readers.get(0) : null;
  }

  /** A constant as it is stored, or null for other values. */
  Weight weight(String value) {
    Weight weight = model.weights().get(value);
    if (weight == null) {
      weight = view.isConstant(value) ? new DenseWeight(view.constant(value)) : null;
    }
    return weight;
  }

  /** The elements of a constant; null for an absent input. */
  float[] floats(Node node, int input) {
    if (!node.hasInput(input)) {
      return null;
    }
    Weight weight = weight(node.input(input));
    if (weight == null) {
      throw new NotLowerableException(
          "node '" + node.name() + "': input '" + node.input(input) + "' must be constant");
    }
    if (weight instanceof DenseWeight dense) {
      return dense.tensor().toFloats();
    }
    try (Tensor values = weight.dequantize()) {
      return values.toFloats();
    }
  }

  /** The handle of the packed kernel of a convolution. */
  long packedConvolution(String value, long group, long block, int kind) {
    return packedWeights.convolution(value, weight(value), group, block, kind);
  }

  /** The handle of the packed form of the constant [k, n]. */
  long packed(String value) {
    return packedWeights.linear(value, weight(value));
  }

  /** The handle of rows of a weight of a recurrent layer, as {@link PackedWeights#recurrent}. */
  long packedRecurrent(String value, long first, long count) {
    return packedWeights.recurrent(value, weight(value), first, count);
  }

  static boolean isFakeQuantize(Node node) {
    return node.is(Domains.DEMITASSE, FusedOperators.FAKE_QUANTIZE);
  }

  static boolean isBinarize(Node node) {
    return node.is(Domains.DEMITASSE, FusedOperators.BINARIZE);
  }

  /** True when {@code input} is made of signs and {@code node} computes with their bits. */
  boolean takesSigns(Node node, String input) {
    Node producer = producers.get(input);
    return producer != null
        && isBinarize(producer)
        && node.is(Domains.DEMITASSE, FusedOperators.LINEAR)
        && node.inputs().lastIndexOf(input) == 0
        && !node.hasInput(3) // a residual is added to floats
        && model.weights().get(node.input(1)) instanceof BinaryWeight weight
        && SignThresholds.takesSigns(weight)
        && shape(input).isMatrix();
  }

  /**
   * For the result of a linear operator of signs: what its integer sums are compared with to get
   * the result's signs at once; null for all other values.
   */
  int[] thresholds(String value) {
    Node node = producers.get(value);
    boolean possible =
        node != null
            && node.is(Domains.DEMITASSE, FusedOperators.LINEAR)
            && node.text("activation", "none").equals("none")
            && takesSigns(node, node.input(0));
    return possible
        ? SignThresholds.of((BinaryWeight) model.weights().get(node.input(1)), floats(node, 2))
        : null;
  }

  /**
   * True when {@code input} is fake-quantized and {@code node} computes with its codes; a
   * convolution may add its floats, too.
   */
  boolean takesCodes(Node node, String input) {
    Node quantizer = producers.get(input);
    if (quantizer != null && isFakeQuantize(quantizer) && isConvolution(node)) {
      return takesImageCodes(node, input, quantizer);
    }
    boolean possible =
        quantizer != null
            && isFakeQuantize(quantizer)
            && node.is(Domains.DEMITASSE, FusedOperators.LINEAR)
            && node.inputs().lastIndexOf(input) == 0;
    if (!possible) {
      return false;
    }
    Weight weight = model.weights().get(node.input(1));
    return weight != null && WeightPacking.isInteger(weight, false) && shape(input).isMatrix();
  }

  static boolean isConvolution(Node node) {
    return node.is(Domains.DEMITASSE, FusedOperators.FUSED_CONV) || node.is("Conv");
  }

  private boolean takesImageCodes(Node node, String input, Node quantizer) {
    Weight weight = model.weights().get(node.input(1));
    return node.inputs().indexOf(input) == 0
        && weight != null
        && (!node.hasInput(2) || weight(node.input(2)) != null)
        && view.shape(input).isStatic()
        && CodeKernels.accepts(weight)
        && Quantization.of(quantizer).mode() == Demitasse.DMT_QUANTIZATION_STATIC;
  }

  /** The codes, channels last, that should be produced in place of floats, or null. */
  Quantization wantedImageCodes(String value) {
    return demands.imageCodes(value);
  }

  /** True when an operator between convolutions reads codes with their channels last. */
  boolean isOnImageCodes(Node node) {
    return demands.isOnImageCodes(node);
  }

  /** The handle of the packed kernel of a convolution of codes. */
  long packedCodeConvolution(String value, long group, long block) {
    return packedWeights.codeConvolution(value, weight(value), group, block);
  }

  // ---- the program, for the lowerings

  ProgramBuilder program() {
    return program;
  }

  /** True when somebody reads the value as it is. */
  boolean wantsFloats(String value) {
    return demands.wantsFloats(value);
  }

  /** The codes that an operation's epilogue should produce for the value, or null. */
  Quantization wantedCodes(String value) {
    Quantization quantization = demands.codes(value);
    boolean inEpilogue =
        quantization != null && !quantization.acrossRows() && shape(value).isMatrix();
    return inEpilogue ? quantization : null;
  }

  /** A new program value for this value of the graph. */
  int define(String value) {
    int id = program.value(view.type(value), view.shape(value));
    ids.put(value, id);
    return id;
  }

  /** States that a value of the graph is an existing program value. */
  void define(String value, int id) {
    ids.put(value, id);
  }

  /** A new program value for the codes of this value. */
  int defineCodes(String value, Quantization quantization) {
    int id = program.quantizedValue(view.shape(value), quantization);
    Map<Quantization, Integer> made = codes.get(value);
    if (made == null) {
      made = new HashMap<>();
      codes.put(value, made);
    }
    made.put(quantization, id);
    acrossRows |= quantization.acrossRows();
    return id;
  }

  /** States that sequences are not independent of each other. */
  void dependAcrossRows() {
    acrossRows = true;
  }

  /** The program value of a value; a constant with its own dimensions; NONE for "". */
  int id(String value) {
    if (value.isEmpty()) {
      return ProgramBuilder.NONE;
    }
    Integer id = ids.get(value);
    if (id == null && channelsLast.has(value)) {
      return channelsLast.convertBack(value);
    }
    if (id == null) {
      if (!view.isConstant(value)) {
        throw new IllegalStateException("value '" + value + "' has not been computed");
      }
      Tensor constant = view.constant(value);
      id = constant(value, constant, constant.shape());
    }
    return id;
  }

  /** The program value of an input, seen beside a result of such a shape. */
  int idBeside(String value, RowShape result) {
    return value.isEmpty() || ids.containsKey(value) || !view.isConstant(value)
        ? id(value)
        : constant(value, view.constant(value), view.constantDimensions(value, result));
  }

  /** The program value of a value, broadcast to the shape of a result if it is smaller. */
  int idLike(String value, RowShape result) {
    int id = idBeside(value, result);
    RowShape given =
        view.isConstant(value)
            ? RowShape.ofStatic(view.constantDimensions(value, result))
            : view.shape(value);
    if (given.equals(result)) {
      return id;
    }
    int expanded = program.value(view.type(value), result);
    program.operator("Expand", new int[] {id}, new int[] {expanded}, new long[0], new double[0]);
    return expanded;
  }

  /** The program value of node input {@code input}; NONE when absent. */
  int id(Node node, int input) {
    return node.hasInput(input) ? id(node.input(input)) : ProgramBuilder.NONE;
  }

  /** The values that are there with their channels last. */
  ChannelsLast channelsLast() {
    return channelsLast;
  }

  /** The program value of a constant under other dimensions. */
  int constant(String value, long... dimensions) {
    return constant(value, view.constant(value), dimensions);
  }

  /** True when the value is there in the order of the graph. */
  boolean isDefined(String value) {
    return ids.containsKey(value);
  }

  private int constant(String value, Tensor tensor, long[] dimensions) {
    Map<RowShape, Integer> made = constants.get(value);
    if (made == null) {
      made = new HashMap<>();
      constants.put(value, made);
    }
    RowShape shape = RowShape.ofStatic(dimensions);
    Integer id = made.get(shape);
    if (id == null) {
      id = program.constant(tensor, dimensions);
      made.put(shape, id);
    }
    return id;
  }

  /**
   * The bits of the signs that a Binarize makes; added to the program unless the operation before
   * it made them.
   */
  int signs(Node binarize) {
    Integer id = signs.get(binarize.output(0));
    if (id == null) {
      int source = id(binarize.input(0));
      id = defineSigns(binarize);
      program.binarize(source, id);
    }
    return id;
  }

  private int defineSigns(Node binarize) {
    RowShape shape = shape(binarize.output(0));
    long[] words = shape.dimensions().clone();
    words[words.length - 1] = (shape.features() + 63) / 64;
    int id = program.value(DataType.INT64, new RowShape(shape.rows(), words));
    signs.put(binarize.output(0), id);
    return id;
  }

  /** A new program value for the signs of a value, for all that ask for them. */
  int defineSignsOf(String value) {
    int id = ProgramBuilder.NONE;
    for (Node reader : consumers.get(value)) {
      if (isBinarize(reader)) {
        if (id == ProgramBuilder.NONE) {
          id = defineSigns(reader);
        } else {
          signs.put(reader.output(0), id);
        }
      }
    }
    return id;
  }

  /** The codes of a value; added to the program unless its producer made them. */
  int codes(String value, Quantization quantization) {
    Map<Quantization, Integer> made = codes.get(value);
    Integer id = made == null ? null : made.get(quantization);
    if (id == null) {
      int source = id(value);
      id = defineCodes(value, quantization);
      program.quantize(source, id);
    }
    return id;
  }

  DataType type(String value) {
    return view.type(value);
  }
}
