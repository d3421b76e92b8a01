package io.github.demitasse.runtime;

import io.github.demitasse.graph.Node;
import io.github.demitasse.natives.Demitasse;
import io.github.demitasse.operator.NativeCall;
import io.github.demitasse.tensor.DataType;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Confined to one thread: which values are wanted as codes with their channels last, and which
 * operators between convolutions compute on codes.
 *
 * <p>Rounding to codes keeps the order of numbers, so what moves elements or picks the largest
 * gives for codes the codes of what it gives for floats, to the bit (NaN apart, whose code is that
 * of 0). Where only codes in one quantization are wanted of its result, they are wanted of what it
 * reads instead. Means are sums of codes where they are made of a rounded value.
 */
final class ImageCodeDemands {
  private static final Set<String> POSSIBLE =
      Set.of(
          "MaxPool",
          "GlobalMaxPool",
          "Concat",
          "Resize",
          "DepthToSpace",
          "Slice",
          "Pad",
          "Reshape",
          "Squeeze",
          "Unsqueeze");

  private static final Set<String> MEANS = Set.of("AveragePool", "GlobalAveragePool");

  /** Codes that floats add exactly: as the native kernel's. */
  private static final long MOST_AVERAGED = (1 << 24) / 255;

  private final Lowering lowering;
  private final Demands demands;
  private final Map<String, Quantization> wanted = new HashMap<>();
  private final Map<String, Node> onCodes = new HashMap<>(); // by result
  private final Set<String> onFloats = new HashSet<>(); // results for which codes do not pay

  ImageCodeDemands(Lowering lowering, Demands demands) {
    this.lowering = lowering;
    this.demands = demands;
  }

  /** The value whose codes are the same: a value that was rounded to such codes keeps them. */
  static String source(String value, Quantization quantization, Lowering lowering) {
    String source = value;
    Node producer = lowering.producer(source);
    while (producer != null
        && Lowering.isFakeQuantize(producer)
        && Quantization.of(producer).equals(quantization)) {
      source = producer.input(0);
      producer = lowering.producer(source);
    }
    return source;
  }

  void want(String value, Quantization quantization) {
    String source = source(value, quantization, lowering);
    Quantization other = wanted.putIfAbsent(source, quantization);
    boolean one = other == null || other.equals(quantization);
    if (!one || demands.codes(source) != null || demands.isRounded(source)) {
      demands.wantFloats(source);
    }
  }

  boolean isWanted(String value) {
    return wanted.containsKey(value);
  }

  /** What the value should be produced as, since nobody wants anything else; or null. */
  Quantization only(String value) {
    return demands.wantsFloats(value) ? null : wanted.get(value);
  }

  /** True for a node that reads codes, and gives them except where it makes means. */
  boolean isOnCodes(Node node) {
    return onCodes.get(node.output(0)) == node;
  }

  /** Wants codes of what the node reads if it can compute on them; else does nothing. */
  boolean passOn(Node node) {
    String y = node.output(0);
    if (!node.domain().isEmpty() || node.outputs().size() > 1 || onFloats.contains(y)) {
      return false;
    }
    if (MEANS.contains(node.operator())) {
      if (!averagesCodes(node)) {
        return false;
      }
      want(node.input(0), Quantization.of(lowering.producer(node.input(0))));
    } else {
      Quantization quantization = only(y);
      if (quantization == null || !POSSIBLE.contains(node.operator()) || !commutes(node)) {
        return false;
      }
      for (String input : inputs(node)) {
        want(input, quantization);
      }
    }
    onCodes.put(y, node);
    return true;
  }

  /**
   * After all nodes: true, with all demands forgotten, when some computed on codes that had to be
   * made from floats which are there anyway, and more of them than of its result.
   */
  boolean giveUp() {
    int before = onFloats.size();
    for (Node node : onCodes.values()) {
      for (String input : inputs(node)) {
        boolean floats =
            MEANS.contains(node.operator())
                ? demands.wantsFloats(input)
                : isLarger(input, node.output(0)) && hasFloats(input, node.output(0));
        if (floats) {
          onFloats.add(node.output(0));
        }
      }
    }
    if (onFloats.size() == before) {
      return false;
    }
    wanted.clear();
    onCodes.clear();
    return true;
  }

  private boolean isLarger(String input, String result) {
    return lowering.shape(input).elements() > lowering.shape(result).elements();
  }

  private boolean hasFloats(String input, String result) {
    return demands.wantsFloats(source(input, wanted.get(result), lowering));
  }

  /** What the node computes with but for constants. */
  private List<String> inputs(Node node) {
    return NodeLowerings.of(node, lowering).reads(node, lowering).stream()
        .filter(input -> !lowering.view().isConstant(input))
        .toList();
  }

  private boolean commutes(Node node) {
    if (!isImage(node.output(0))) {
      return false;
    }
    for (String input : inputs(node)) {
      if (!isImage(input)) {
        return false;
      }
    }
    NativeCall call = lowering.view().call(node);
    if (call.alias()) {
      return ChannelsLastMovement.keepsChannels(
          lowering.shape(node.input(0)), lowering.shape(node.output(0)));
    }
    return switch (call.operator()) {
      case "MaxPool" -> lowering.shape(node.output(0)).dimensions().length == 4;
      case "Concat" -> inputs(node).size() == call.inputs().size();
      case "Resize" -> ChannelsLastMovement.isNearest(call);
      case "Pad" -> ChannelsLastMovement.padding(node, call, lowering) != null;
      case "GlobalMaxPool", "DepthToSpace", "Slice" -> true;
      default -> false;
    };
  }

  private boolean isImage(String value) {
    return ChannelsLast.applies(lowering.shape(value))
        && lowering.type(value) == DataType.FLOAT32
        && !lowering.view().isConstant(value);
  }

  /** True for means of a value that was rounded to codes of one scale. */
  private boolean averagesCodes(Node node) {
    String x = node.input(0);
    Node quantizer = lowering.producer(x);
    return quantizer != null
        && Lowering.isFakeQuantize(quantizer)
        && Quantization.of(quantizer).mode() == Demitasse.DMT_QUANTIZATION_STATIC
        && isImage(x)
        && lowering.shape(x).dimensions().length == 4
        && ChannelsLastMovement.window(node, lowering) <= MOST_AVERAGED;
  }
}
