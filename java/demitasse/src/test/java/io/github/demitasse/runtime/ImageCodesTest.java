package io.github.demitasse.runtime;

import static io.github.demitasse.runtime.CodedNetwork.window;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.rewrite.Rewrites;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/**
 * Operators between convolutions of codes compute on codes: with fewer operations, and with the
 * results of a model whose values are all outputs, too, so that it computes in floats.
 */
class ImageCodesTest {
  private static final long[] SHAPE = {2, 3, 18, 22};

  private static final float SCALE = CodedNetwork.SCALE;
  private static final float OTHER_SCALE = 2 * SCALE;

  private static Model model(Consumer<CodedNetwork> body, boolean all, String... outputs) {
    CodedNetwork network = new CodedNetwork();
    body.accept(network);
    List<String> names = new ArrayList<>(List.of(outputs));
    for (String value : network.values) {
      if (all && !names.contains(value)) {
        names.add(value);
      }
    }
    for (String name : names) {
      network.builder.output(name, DataType.FLOAT32, "n", name + "c", name + "h", name + "w");
    }
    return network.builder.build();
  }

  private static Map<String, Tensor> images() {
    float[] x = new float[2 * 3 * 18 * 22];
    Random random = new Random(9);
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return Map.of("x", Tensor.of(x, SHAPE));
  }

  private static int operations(Model model, Map<String, Tensor> input, String... outputs) {
    Model rewritten = Rewrites.apply(model, NodeEvaluator::evaluateIfKnown);
    Tensor[] inputs = {input.get("x")};
    SpecializedModel specialized = SpecializedModel.of(rewritten, inputs, new boolean[1]);
    try (PackedWeights weights = new PackedWeights();
        NativeProgram program =
            Lowering.lower(
                    new Lowering.Request(specialized.model(), weights),
                    new StaticView(specialized.model(), specialized.inference()),
                    List.of(outputs))
                .program()) {
      return program.operations();
    }
  }

  /** Asserts equal results in floats, and returns how many operations there are. */
  private static int operations(float tolerance, Consumer<CodedNetwork> body, String... outputs) {
    Map<String, Tensor> input = images();
    Model model = model(body, false, outputs);
    for (int threads : new int[] {1, 2}) {
      try (Session session = Session.open(model, SessionOptions.threads(threads));
          Session floats = Session.open(model(body, true, outputs))) {
        Map<String, Tensor> actual = session.run(input);
        Map<String, Tensor> expected = floats.run(input);
        for (String output : outputs) {
          float[] values = actual.get(output).toFloats();
          assertArrayEquals(expected.get(output).toFloats(), values, tolerance, output);
          assertTrue(varies(values), output);
        }
      }
    }
    return operations(model, input, outputs);
  }

  private static boolean varies(float[] values) {
    for (float value : values) {
      if (value != values[0]) {
        return true;
      }
    }
    return false;
  }

  @Test
  void theLargest() {
    int operations =
        operations(
            0,
            n -> {
              n.conv("x", "a", 3, 24, 3);
              n.node("MaxPool", "m", window(3, 2, 1), "a");
              n.conv("m", "y", 24, 5, 1);
            },
            "y");
    // codes of x, convolution, maxima, convolution, the order of the graph
    assertEquals(5, operations);
    operations =
        operations(
            0,
            n -> {
              n.conv("x", "a", 3, 24, 3);
              n.node("GlobalMaxPool", "m", Map.of(), "a");
              n.conv("m", "y", 24, 5, 1);
            },
            "y");
    assertEquals(4, operations); // one position: nothing to put into order
  }

  @Test
  void leakyReluIsAPartOfTheConvolution() {
    int operations =
        operations(
            0,
            n -> {
              n.conv("x", "a", 3, 24, 3);
              n.node("LeakyRelu", "l", Map.of("alpha", Attribute.of(0.1f)), "a");
              n.conv("l", "b", 24, 5, 1);
              n.node("LeakyRelu", "y", Map.of("alpha", Attribute.of(0.3f)), "b");
            },
            "y");
    assertEquals(4, operations); // codes of x, two convolutions, the order of the graph
  }

  /** Kernels take constant biases, so such a convolution reads floats. */
  @Test
  void aBiasThatIsComputed() {
    operations(
        0,
        n -> {
          n.conv("x", "a", 3, 8, 3);
          n.node("GlobalMaxPool", "m", Map.of(), "a");
          n.integers("all", -1);
          n.node("Reshape", "bias", Map.of(), "m", "all");
          n.conv("a", "b", 8, 16, 1); // for its weight
          n.node("Conv", "c", Map.of(), n.rounded("a", SCALE), "b/weight", "bias");
        },
        "c");
  }

  @Test
  void channelsSideBySide() {
    int operations =
        operations(
            0,
            n -> {
              n.conv("x", "a", 3, 7, 3);
              n.conv("x", "b", 3, 24, 1);
              n.node("MaxPool", "m", window(3, 1, 1), "b");
              n.node("Concat", "c", Map.of("axis", Attribute.of(1)), "a", "m", "a");
              n.conv("c", "y", 38, 5, 3);
            },
            "y");
    assertEquals(7, operations);
    operations =
        operations(
            0,
            n -> {
              n.conv("x", "a", 3, 7, 3);
              n.conv("x", "b", 3, 7, 1);
              n.node("Concat", "c", Map.of("axis", Attribute.of(2)), "a", "b");
              n.conv("c", "y", 7, 5, 3);
            },
            "y");
    assertEquals(6, operations);
  }

  @Test
  void constantsBesideThemKeepFloats() {
    int operations =
        operations(
            0,
            n -> {
              n.conv("x", "a", 3, 7, 3);
              n.builder.random("k", 2, 2, 18, 22);
              n.node("Concat", "c", Map.of("axis", Attribute.of(1)), "a", "k");
              n.conv("c", "y", 9, 5, 3);
            },
            "y");
    // the constant is put into order, or the other operand is, and codes are made
    assertTrue(operations > 5, "" + operations);
  }

  @Test
  void imagesThatGrowAndShrink() {
    for (float factor : new float[] {2, 0.5f, 1.7f}) {
      int operations =
          operations(
              0,
              n -> {
                n.conv("x", "a", 3, 24, 3);
                n.builder.weight("s", Tensor.of(new float[] {1, 1, factor, factor}, 4));
                n.node("Resize", "r", Map.of("mode", Attribute.of("nearest")), "a", "", "s");
                n.conv("r", "y", 24, 5, 3);
              },
              "y");
      assertEquals(5, operations);
    }
  }

  @Test
  void linearResizingComputesInFloats() {
    int operations =
        operations(
            0,
            n -> {
              n.conv("x", "a", 3, 8, 3);
              n.builder.weight("s", Tensor.of(new float[] {1, 1, 2, 2}, 4));
              n.node("Resize", "r", Map.of("mode", Attribute.of("linear")), "a", "", "s");
              n.conv("r", "y", 8, 5, 3);
            },
            "y");
    assertEquals(6, operations);
  }

  @Test
  void depthBecomesSpace() {
    for (String mode : new String[] {"DCR", "CRD"}) {
      for (boolean codes : new boolean[] {true, false}) {
        int operations =
            operations(
                0,
                n -> {
                  n.conv("x", "a", 3, 36, 3);
                  n.node("MaxPool", "m", window(3, 1, 1), "a"); // else the convolution does it
                  n.node(
                      "DepthToSpace",
                      "d",
                      Map.of("blocksize", Attribute.of(2), "mode", Attribute.of(mode)),
                      "m");
                  if (codes) {
                    n.conv("d", "y", 9, 5, 3);
                  } else {
                    n.node("Relu", "y", Map.of(), "d");
                  }
                },
                "y");
        assertEquals(6, operations);
      }
    }
  }

  @Test
  void partsOfImages() {
    int operations =
        operations(
            0,
            n -> {
              n.conv("x", "a", 3, 8, 3);
              n.integers("starts", 1, -2, 3);
              n.integers("ends", 17, -30, 8);
              n.integers("axes", 2, 3, 1);
              n.integers("steps", 3, -2, 1);
              n.node("Slice", "s", Map.of(), "a", "starts", "ends", "axes", "steps");
              n.conv("s", "y", 5, 5, 3);
            },
            "y");
    assertEquals(5, operations);
  }

  @Test
  void whatIsPaddedWithHasACode() {
    for (float value : new float[] {0, 0.7f, -100}) {
      for (String mode : new String[] {"constant", "reflect"}) {
        int operations =
            operations(
                0,
                n -> {
                  n.conv("x", "a", 3, 8, 3);
                  n.integers("pads", 0, 0, 1, 2, 0, 0, 3, -1);
                  n.builder.weight("value", Tensor.scalar(value));
                  n.node("Pad", "p", Map.of("mode", Attribute.of(mode)), "a", "pads", "value");
                  n.conv("p", "y", 8, 5, 3);
                },
                "y");
        assertEquals(5, operations);
      }
    }
  }

  @Test
  void chainsOfAllOfThem() {
    int operations =
        operations(
            0,
            n -> {
              n.conv("x", "a", 3, 16, 3);
              n.conv("x", "b", 3, 4, 3);
              n.node("MaxPool", "m", window(2, 2, 0), "a");
              n.builder.weight("s", Tensor.of(new float[] {1, 1, 2, 2}, 4));
              n.node("Resize", "r", Map.of("mode", Attribute.of("nearest")), "m", "", "s");
              n.node("Concat", "c", Map.of("axis", Attribute.of(1)), "r", "b");
              n.integers("shape", 0, 0, 22, 18);
              n.node("Reshape", "t", Map.of(), "c", "shape");
              n.conv("t", "y", 20, 5, 3);
            },
            "y");
    assertEquals(8, operations);
  }

  @Test
  void twoQuantizationsOfOneValue() {
    Consumer<CodedNetwork> body =
        n -> {
          n.conv("x", "a", 3, 8, 3);
          n.conv("a", SCALE, "y", 8, 5, 3);
          n.conv("a", OTHER_SCALE, "z", 8, 5, 3);
        };
    // codes of x, convolution to floats, twice: codes, convolution, order
    assertEquals(8, operations(0, body, "y", "z"));
    body =
        n -> {
          n.conv("x", "a", 3, 8, 3);
          n.node("MaxPool", "m", window(2, 2, 0), "a");
          n.conv("m", SCALE, "y", 8, 5, 3);
          n.conv("m", OTHER_SCALE, "z", 8, 5, 3);
        };
    assertEquals(9, operations(0, body, "y", "z"));
    body =
        n -> {
          n.conv("x", "a", 3, 8, 3);
          n.builder.weight("s", Tensor.of(new float[] {1, 1, 2, 2}, 4));
          n.node("Resize", "r", Map.of("mode", Attribute.of("nearest")), "a", "", "s");
          n.conv("r", SCALE, "y", 8, 5, 3);
          n.conv("a", OTHER_SCALE, "z", 8, 5, 3);
        };
    // both sorts of codes are made of floats of a, and what grows are codes
    assertEquals(9, operations(0, body, "y", "z"));
  }

  @Test
  void codesOfRowsAndOfImages() {
    byte[] codes = new byte[22 * 6];
    new Random(8).nextBytes(codes);
    Consumer<CodedNetwork> rows =
        n -> {
          n.builder.weight(
              "rows",
              new QuantizedWeight(
                  Tensor.ofBytes(DataType.INT8, codes, 22, 6),
                  Tensor.of(new float[] {0.01f}, 1),
                  null,
                  new Granularity.PerTensor()));
          n.conv("x", "a", 3, 8, 3);
          for (float scale : new float[] {SCALE, OTHER_SCALE}) {
            String from = n.rounded("a", scale);
            String to = "y" + scale;
            n.builder.fused(FusedOperators.LINEAR, List.of(from, "rows"), List.of(to), Map.of());
          }
        };
    operations(0, rows, "y" + SCALE, "y" + OTHER_SCALE);
    operations(0, rows.andThen(n -> n.conv("a", "z", 8, 5, 3)), "y" + SCALE, "z");
  }

  @Test
  void roundedTwice() {
    Consumer<CodedNetwork> body =
        n -> {
          n.conv("x", "a", 3, 8, 3);
          n.rounded("a", OTHER_SCALE);
          n.conv("a/" + OTHER_SCALE, SCALE, "y", 8, 5, 3);
        };
    // codes, convolution, codes, floats, codes, convolution, order
    assertEquals(7, operations(0, body, "y"));
    body =
        n -> {
          n.conv("x", "a", 3, 8, 3);
          n.node("MaxPool", "m", window(3, 1, 1), n.rounded("a", SCALE));
          n.conv("m", SCALE, "y", 8, 5, 3);
        };
    assertEquals(5, operations(0, body, "y"));
  }

  @Test
  void valuesThatCallersGet() {
    Consumer<CodedNetwork> body =
        n -> {
          n.conv("x", "a", 3, 8, 3);
          n.node("MaxPool", "m", window(2, 2, 0), "a");
          n.conv("m", "y", 8, 5, 3);
        };
    // with codes and order for m
    assertEquals(7, operations(0, body, "y", "m"));
    // fewer codes are made after pooling the floats that are there
    assertEquals(7, operations(0, body, "y", "a"));
    body =
        n -> {
          n.conv("x", "a", 3, 8, 3);
          n.builder.weight("s", Tensor.of(new float[] {1, 1, 2, 2}, 4));
          n.node("Resize", "r", Map.of("mode", Attribute.of("nearest")), "a", "", "s");
          n.conv("r", "y", 8, 5, 3);
        };
    assertEquals(7, operations(0, body, "y", "a"));
  }

  @Test
  void readersOfFloatsAndOfCodes() {
    Consumer<CodedNetwork> body =
        n -> {
          n.conv("x", "a", 3, 8, 3);
          n.node("MaxPool", "m", window(3, 1, 1), "a");
          n.conv("m", "b", 8, 8, 3);
          n.node("Add", "y", Map.of(), "b", "a");
        };
    // codes, convolution, codes, maxima, convolution with the addition, order
    assertEquals(6, operations(0, body, "y"));
  }

  @Test
  void floatsThatAreMadeOfCodes() {
    Consumer<CodedNetwork> body =
        n -> {
          n.conv("x", "a", 3, 8, 3);
          n.conv("a", "b", 8, 8, 3);
          n.node("Add", "y", Map.of(), "b", n.rounded("a", SCALE));
        };
    // codes, convolution to codes, floats of them, convolution with the addition, order
    assertEquals(5, operations(0, body, "y"));
  }

  @Test
  void gatesWithWhatTheyGate() {
    Consumer<CodedNetwork> body =
        n -> {
          n.conv("x", "a", 3, 24, 3);
          n.node("GlobalAveragePool", "mean", Map.of(), "a");
          n.conv("mean", "g", 24, 24, 1);
          n.node("Sigmoid", "s", Map.of(), "g");
          n.node("Mul", "m", Map.of(), "a", "s");
          n.node("Add", "e", Map.of(), "m", "a");
          n.conv("e", "y", 24, 5, 3);
        };
    // codes, convolution, mean, codes, convolution, sigmoid, gate and sum, convolution, order
    int one = operations(0, body, "y");
    assertTrue(one <= 9, "" + one);
    assertEquals(one + 2, operations(0, body, "y", "m")); // a sum of its own, and order
    assertEquals(one + 2, operations(0, body, "y", "e")); // codes and order
  }

  @Test
  void sums() {
    Consumer<CodedNetwork> body =
        n -> {
          n.conv("x", "a", 3, 24, 3);
          n.node("MaxPool", "m", window(3, 1, 1), "a");
          n.node("Add", "e", Map.of(), "m", "a");
          n.conv("e", "y", 24, 5, 3);
        };
    // codes, convolution, maxima, codes of the sum, convolution, order
    assertEquals(6, operations(0, body, "y"));
  }

  @Test
  void meansOfCodes() {
    for (String operator : new String[] {"AveragePool", "GlobalAveragePool"}) {
      boolean global = operator.startsWith("Global");
      Map<String, Attribute> attributes = global ? Map.of() : window(3, 2, 1);
      Consumer<CodedNetwork> floats =
          n -> {
            n.conv("x", "a", 3, 24, 3);
            n.node(operator, "y", attributes, n.rounded("a", SCALE));
          };
      // codes, convolution, means, order
      assertEquals(global ? 3 : 4, operations(1e-5f, floats, "y"));
      Consumer<CodedNetwork> codes =
          n -> {
            n.conv("x", "a", 3, 24, 3);
            n.node(operator, "m", attributes, n.rounded("a", SCALE));
            n.conv("m", OTHER_SCALE, "y", 24, 5, 1);
          };
      // A mean half-way between two codes may fall either way.
      assertEquals(global ? 4 : 5, operations(0.2f, codes, "y"));
    }
    Consumer<CodedNetwork> both =
        n -> {
          n.conv("x", "a", 3, 8, 3);
          n.node("AveragePool", "m", window(3, 1, 1), n.rounded("a", SCALE));
          n.node("Add", "y", Map.of(), "m", "a/" + SCALE);
        };
    // codes, convolution, codes, floats, means, sums, order
    assertEquals(7, operations(0, both, "y"));
  }
}
