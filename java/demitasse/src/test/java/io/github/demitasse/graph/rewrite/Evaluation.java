package io.github.demitasse.graph.rewrite;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.runtime.NodeEvaluator;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/**
 * Runs graphs of plain ONNX operators node by node, as they are written: what rewritten graphs must
 * agree with.
 */
final class Evaluation {
  private static final Map<String, Long> SIZES = Map.of("batch", 3L, "length", 5L);

  private Evaluation() {}

  /** The outputs by name; fused operators are expanded first. */
  static Map<String, Tensor> run(Model model, Map<String, Tensor> inputs) {
    Model plain = ExpandFusedOperators.apply(model);
    Map<String, Tensor> values = new HashMap<>(inputs);
    plain.weights().forEach((name, weight) -> values.put(name, weight.dequantize()));
    for (Node node : plain.graph().nodes()) {
      List<Tensor> arguments = new ArrayList<>();
      for (String input : node.inputs()) {
        arguments.add(input.isEmpty() ? null : values.get(input));
      }
      int opset = plain.graph().opsets().getOrDefault(node.domain(), 1);
      List<Tensor> results = NodeEvaluator.evaluate(node, opset, arguments);
      for (int i = 0; i < results.size(); i++) {
        values.put(node.output(i), results.get(i));
      }
    }
    Map<String, Tensor> outputs = new LinkedHashMap<>();
    plain.graph().outputs().forEach(o -> outputs.put(o.name(), values.get(o.name())));
    return outputs;
  }

  /** Both models give the same outputs for random inputs, up to rounding. */
  static void assertSame(Model expected, Model actual) {
    assertSame(expected, actual, 1e-5f);
  }

  static void assertSame(Model expected, Model actual, float tolerance) {
    Map<String, Tensor> inputs = randomInputs(expected);
    Map<String, Tensor> wanted = run(expected, inputs);
    Map<String, Tensor> given = run(actual, inputs);
    assertEquals(wanted.keySet(), given.keySet());
    wanted.forEach((name, tensor) -> assertClose(tensor, given.get(name), tolerance, name));
  }

  /** Whether the model can be computed at all. */
  static Map<String, Tensor> runWithRandomInputs(Model model) {
    return run(model, randomInputs(model));
  }

  static void assertClose(Tensor expected, Tensor actual, float tolerance, String name) {
    assertEquals(expected.type(), actual.type(), name);
    assertArrayEquals(expected.shape(), actual.shape(), name);
    float[] wanted = expected.toFloats();
    float[] given = actual.toFloats();
    for (int i = 0; i < wanted.length; i++) {
      float bound = tolerance * Math.max(1, Math.abs(wanted[i]));
      boolean close =
          Float.compare(wanted[i], given[i]) == 0 || Math.abs(wanted[i] - given[i]) <= bound;
      assertTrue(close, name + "[" + i + "]: " + given[i] + " instead of " + wanted[i]);
    }
  }

  /** Values for the inputs: "mask" inputs are ones with zeros behind, integers are below 3. */
  private static Map<String, Tensor> randomInputs(Model model) {
    Random random = new Random(7);
    Map<String, Tensor> inputs = new HashMap<>();
    for (ValueInfo input : model.graph().inputs()) {
      long[] shape =
          input.shape().dimensions().stream()
              .mapToLong(d -> d.isKnown() ? d.size() : SIZES.get(((Dimension.Symbol) d).name()))
              .toArray();
      int count = 1;
      for (long size : shape) {
        count *= (int) size;
      }
      int last = shape.length == 0 ? 1 : (int) shape[shape.length - 1];
      float[] values = new float[count];
      for (int i = 0; i < count; i++) {
        boolean mask = input.name().contains("mask");
        int padding = (i / last) % last;
        values[i] =
            mask
                ? (i % last < last - padding ? 1 : 0)
                : input.type().isInteger() ? random.nextInt(3) : (float) random.nextGaussian();
      }
      inputs.put(input.name(), tensor(input.type(), values, shape));
    }
    return inputs;
  }

  static Tensor tensor(DataType type, float[] values, long... shape) {
    if (type == DataType.FLOAT32) {
      return Tensor.of(values, shape);
    }
    if (type == DataType.INT64) {
      long[] longs = new long[values.length];
      for (int i = 0; i < longs.length; i++) {
        longs[i] = (long) values[i];
      }
      return Tensor.of(longs, shape);
    }
    if (type == DataType.INT32) {
      int[] ints = new int[values.length];
      for (int i = 0; i < ints.length; i++) {
        ints[i] = (int) values[i];
      }
      return Tensor.of(ints, shape);
    }
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) values[i];
    }
    return Tensor.ofBytes(type, bytes, shape);
  }

  /** Normally distributed values, always the same for a seed. */
  static Tensor random(long seed, long... shape) {
    Random random = new Random(seed);
    Tensor tensor = Tensor.allocate(DataType.FLOAT32, shape);
    float[] values = new float[(int) tensor.elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian() * 0.5f;
    }
    return Tensor.of(values, shape);
  }

  static Tensor randomBytes(DataType type, long seed, long... shape) {
    Tensor tensor = Tensor.allocate(type, shape);
    byte[] bytes = new byte[(int) tensor.elements()];
    new Random(seed).nextBytes(bytes);
    return Tensor.ofBytes(type, bytes, shape);
  }

  /** How many nodes of each operator there are, such as {@code {Add=1, Linear=2}}. */
  static String operators(Model model) {
    Map<String, Integer> counts = new TreeMap<>();
    model.graph().nodes().forEach(node -> counts.merge(node.operator(), 1, Integer::sum));
    return counts.toString();
  }

  /** The only node of this operator. */
  static Node only(Model model, String operator) {
    List<Node> found =
        model.graph().nodes().stream().filter(node -> node.operator().equals(operator)).toList();
    assertEquals(1, found.size(), () -> operator + " in " + model.graph().nodes());
    return found.get(0);
  }
}
