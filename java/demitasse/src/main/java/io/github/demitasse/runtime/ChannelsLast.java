package io.github.demitasse.runtime;

import io.github.demitasse.tensor.DataType;
import java.util.HashMap;
import java.util.Map;

/**
 * Confined to one thread: which values of the graph, [N, C, spatial...], the program holds as [N,
 * spatial..., C], as convolutions want them. A value is converted where somebody wants it the other
 * way, once; nothing is moved where only one channel or one position makes both orders the same.
 */
final class ChannelsLast {
  /** Up to so many channels, what is given in the order of the graph is read so: images. */
  static final long MOST_IMAGE_CHANNELS = 4;

  private final Lowering lowering;
  private final Map<String, Integer> ids = new HashMap<>();
  private final Map<String, Map<Quantization, Integer>> codes = new HashMap<>();

  ChannelsLast(Lowering lowering) {
    this.lowering = lowering;
  }

  /** True when the value is there with its channels last. */
  boolean has(String value) {
    return ids.containsKey(value);
  }

  /** True when the value is there so, as floats or as codes. */
  boolean isMade(String value) {
    return ids.containsKey(value) || codes.containsKey(value);
  }

  /** True when such a value has channels and positions, and the program holds static shapes. */
  static boolean applies(RowShape shape) {
    return shape.isStatic() && shape.dimensions().length >= 3;
  }

  /** The program value with the channels last; converted if need be. */
  int id(String value) {
    Integer id = ids.get(value);
    if (id == null) {
      RowShape shape = lowering.shape(value);
      id = convert(lowering.id(value), value, shape, moved(shape), order(shape, true));
      ids.put(value, id);
    }
    return id;
  }

  /** The codes of a value with the channels last; added to the program unless they are there. */
  int codes(String graphValue, Quantization quantization) {
    String value = ImageCodeDemands.source(graphValue, quantization, lowering);
    Map<Quantization, Integer> made = codes.get(value);
    Integer id = made == null ? null : made.get(quantization);
    if (id == null) {
      RowShape shape = lowering.shape(value);
      boolean image =
          !has(value) && shape.dimensions()[1] <= MOST_IMAGE_CHANNELS && !isSameEitherWay(shape);
      int source = image ? lowering.id(value) : id(value);
      id = defineCodes(value, quantization);
      lowering
          .program()
          .operator(
              image ? "ChannelsLast.QuantizeImage" : "ChannelsLast.Quantize",
              new int[] {source},
              new int[] {id},
              new long[] {quantization.zeroPoint()},
              new double[] {quantization.scale()});
    }
    return id;
  }

  /** A new program value for the codes of this value. */
  int defineCodes(String value, Quantization quantization) {
    int id = lowering.program().value(DataType.UINT8, moved(lowering.shape(value)));
    defineCodes(value, quantization, id);
    return id;
  }

  /** States that the codes of this value are an existing program value. */
  void defineCodes(String value, Quantization quantization, int id) {
    codes.computeIfAbsent(value, name -> new HashMap<>()).put(quantization, id);
  }

  /** Makes the value in the order of the graph. */
  int convertBack(String value) {
    RowShape shape = lowering.shape(value);
    int id = convert(ids.get(value), value, shape, shape, order(shape, false));
    lowering.define(value, id);
    return id;
  }

  private int convert(int source, String value, RowShape shape, RowShape result, long[] order) {
    if (isSameEitherWay(shape)) {
      return lowering.program().alias(source, result);
    }
    int id = lowering.program().value(lowering.type(value), result);
    lowering
        .program()
        .operator("Transpose", new int[] {source}, new int[] {id}, order, new double[0]);
    return id;
  }

  /** A new program value for this value of the graph. */
  int define(String value) {
    int id = lowering.program().value(lowering.type(value), moved(lowering.shape(value)));
    ids.put(value, id);
    return id;
  }

  /** States that a value of the graph with its channels last is an existing program value. */
  void define(String value, int id) {
    ids.put(value, id);
  }

  /** The shape with the channels last. */
  static RowShape moved(RowShape shape) {
    long[] from = shape.dimensions();
    long[] to = new long[from.length];
    long[] order = order(shape, true);
    for (int i = 0; i < to.length; i++) {
      to[i] = from[(int) order[i]];
    }
    return RowShape.ofStatic(to);
  }

  /** Where an axis of the graph's order is when the channels are last. */
  static int axis(int axis, int rank) {
    return axis == 0 ? 0 : axis == 1 ? rank - 1 : axis - 1;
  }

  /** The axes of a transposition to channels last, or back. */
  private static long[] order(RowShape shape, boolean last) {
    int rank = shape.dimensions().length;
    long[] order = new long[rank];
    for (int i = 0; i < rank; i++) {
      if (last) {
        order[axis(i, rank)] = i;
      } else {
        order[i] = axis(i, rank);
      }
    }
    return order;
  }

  private static boolean isSameEitherWay(RowShape shape) {
    long positions = 1;
    for (int i = 2; i < shape.dimensions().length; i++) {
      positions *= shape.dimensions()[i];
    }
    return positions == 1 || shape.dimensions()[1] == 1;
  }
}
