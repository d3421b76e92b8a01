package io.github.demitasse.cli.measure;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.operator.GraphInference;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.Weight;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/**
 * Thread-safe: inputs for timing, where content matters little: indices into lookup tables below
 * the table's size, other integers one, floats uniform in [-1, 1]; always the same.
 */
public final class SyntheticInputs {
  private SyntheticInputs() {}

  /**
   * Inputs of the given shapes for a rewritten model; an input that is not named takes its sizes
   * from symbols it shares with named ones.
   *
   * @throws IllegalArgumentException for shapes that do not fit, naming the input
   */
  public static Map<String, Tensor> of(Model model, Map<String, long[]> shapes) {
    Map<String, Shape> given = new LinkedHashMap<>();
    shapes.forEach((name, sizes) -> given.put(input(model, name).name(), Shape.of(sizes)));
    GraphInference inference = GraphInference.of(model, given);
    Map<String, Tensor> inputs = new LinkedHashMap<>();
    Random random = new Random(1);
    for (ValueInfo input : model.graph().inputs()) {
      Shape shape = inference.value(input.name()).shape();
      if (shape == null || !shape.isKnown()) {
        throw new IllegalArgumentException("say the shape of input '" + input + "' with --shape");
      }
      inputs.put(input.name(), tensor(input, shape.sizes(), limit(model, input.name()), random));
    }
    return inputs;
  }

  private static ValueInfo input(Model model, String name) {
    return model.graph().inputs().stream()
        .filter(input -> input.name().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "the model has no input '"
                        + name
                        + "'; it has "
                        + model.graph().inputs().stream().map(ValueInfo::toString).toList()));
  }

  /** The number of entries of the table that an input is an index into; 0 when it is none. */
  private static long limit(Model model, String input) {
    long limit = 0;
    for (Node node : model.graph().nodes()) {
      boolean lookup = node.is("Gather") && node.hasInput(1) && node.input(1).equals(input);
      Weight table = lookup ? model.weights().get(node.input(0)) : null;
      if (table != null && table.shape().length > 0) {
        long entries = table.shape()[0];
        limit = limit == 0 ? entries : Math.min(limit, entries);
      }
    }
    return limit;
  }

  private static int count(ValueInfo input, long[] shape) {
    try {
      return Math.toIntExact(Arrays.stream(shape).reduce(1, Math::multiplyExact));
    } catch (ArithmeticException tooLarge) {
      throw new IllegalArgumentException(
          "input '" + input + "' of shape " + Arrays.toString(shape) + " is too large", tooLarge);
    }
  }

  private static Tensor tensor(ValueInfo input, long[] shape, long limit, Random random) {
    DataType type = input.type();
    int count = count(input, shape);
    if (type != null && type.isFloatingPoint()) {
      float[] values = new float[count];
      for (int i = 0; i < count; i++) {
        values[i] = 2 * random.nextFloat() - 1;
      }
      return Tensor.fromFloats(type, values, shape);
    }
    long[] values = new long[count];
    for (int i = 0; i < count; i++) {
      values[i] = limit == 0 ? 1 : random.nextInt((int) Math.min(limit, Integer.MAX_VALUE));
    }
    if (type == DataType.INT64) {
      return Tensor.of(values, shape);
    }
    if (type == DataType.INT32) {
      return Tensor.of(Arrays.stream(values).mapToInt(Math::toIntExact).toArray(), shape);
    }
    if (type == DataType.BOOL || type == DataType.UINT8 || type == DataType.INT8) {
      byte[] bytes = new byte[count];
      Arrays.fill(bytes, (byte) 1);
      return Tensor.ofBytes(type, bytes, shape);
    }
    throw new IllegalArgumentException("input '" + input + "' has a type that cannot be made up");
  }
}
