package io.github.demitasse.graph.rewrite;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.demitasse.Model;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.operator.Graphs;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Transposed convolutions, and DepthToSpace behind convolutions, as convolutions of blocks. */
class FuseTransposedConvolutionTest {
  private static final List<Rewrite> REWRITES =
      List.of(
          new FuseConvolution(),
          new FuseTransposedConvolution(),
          new SinkCrop(),
          new FoldIntoConvolution(),
          new FuseConvolutionActivation(),
          new FuseResidual(FusedOperators.FUSED_CONV),
          new FuseDepthToSpace());

  private static Graphs graph() {
    return Graphs.opset(21)
        .input("x", DataType.FLOAT32, "batch", 4, "length", 7)
        .weight("bias", Evaluation.random(2, 6))
        .weight("row", Evaluation.random(3, 6))
        .weight("channels", Evaluation.random(4, 6, 1, 1))
        .weight("variance", Tensor.of(new float[] {1, 2, 0.5f, 3, 0.1f, 1}, 6));
  }

  private static Model rewritten(Graphs graph) {
    Model model = graph.outputs("y").model();
    Model result = Rewrites.apply(model, REWRITES);
    Evaluation.assertSame(model, result);
    return result;
  }

  @ParameterizedTest
  @CsvSource({
    // kernel, stride, padding in front and behind, output_padding, windows, cut
    "2, 2, 0, 0, 0, 1, false",
    "3, 3, 0, 0, 0, 1, false",
    "3, 1, 0, 0, 0, 3, false",
    "3, 1, 1, 1, 0, 3, false",
    "3, 2, 1, 1, 1, 2, false",
    "3, 2, 1, 0, 0, 2, false",
    "3, 2, 0, 0, 0, 2, true",
    "3, 2, 1, 1, 0, 2, true",
    "4, 2, 1, 1, 0, 2, true",
    "4, 2, 0, 1, 0, 2, true",
    "5, 2, 2, 2, 1, 3, false",
    "5, 3, 1, 2, 2, 2, true",
    "8, 4, 2, 2, 0, 2, true",
    "1, 2, 0, 0, 0, 1, true",
    "1, 2, 0, 0, 1, 1, false",
    "2, 3, 0, 0, 0, 1, true"
  })
  void stridesBecomeBlocks(
      int kernel, int stride, int front, int behind, int extra, int window, boolean cut) {
    Model model =
        rewritten(
            graph()
                .weight("spread", Evaluation.random(7, 4, 6, kernel, kernel))
                .node(
                    "y",
                    "ConvTranspose",
                    "x spread bias",
                    "strides",
                    new long[] {stride, stride},
                    "pads",
                    new long[] {front, front, behind, behind},
                    "output_padding",
                    new long[] {extra, extra}));
    assertEquals(cut ? "{FusedConv=1, Slice=1}" : "{FusedConv=1}", Evaluation.operators(model));
    Node convolution = model.graph().nodes().get(0);
    assertEquals(stride, convolution.integer("blocksize", 1));
    long[] shape = model.weights().get(convolution.input(1)).shape();
    assertEquals(stride * stride * 6, shape[0]);
    assertEquals(window, shape[2]);
  }

  @ParameterizedTest
  @ValueSource(strings = {"SAME_UPPER", "SAME_LOWER", "VALID"})
  void automaticPadding(String padding) {
    for (int[] kernel : new int[][] {{2, 2}, {3, 4}, {5, 2}, {1, 3}}) {
      rewritten(
          graph()
              .weight("spread", Evaluation.random(7, 4, 6, kernel[0], kernel[1]))
              .node(
                  "y",
                  "ConvTranspose",
                  "x spread",
                  "strides",
                  new long[] {2, 2},
                  "auto_pad",
                  padding));
    }
  }

  @ParameterizedTest
  @CsvSource({"2, 0", "4, 1", "3, 0"})
  void normalizationAndActivationGoIntoTheConvolution(int kernel, int padding) {
    Model model =
        rewritten(
            graph()
                .weight("spread", Evaluation.random(7, 4, 6, kernel, kernel))
                .node(
                    "t",
                    "ConvTranspose",
                    "x spread",
                    "strides",
                    new long[] {2, 2},
                    "pads",
                    new long[] {padding, padding, padding, padding})
                .node("u", "Add", "channels t")
                .node("n", "BatchNormalization", "u row bias bias variance")
                .node("y", "Relu", "n"));
    assertEquals(
        kernel == 2 ? "{FusedConv=1}" : "{FusedConv=1, Slice=1}", Evaluation.operators(model));
    assertEquals("relu", model.graph().nodes().get(0).text("activation", ""));
  }

  @ParameterizedTest
  @CsvSource({"true, false", "false, false", "true, true", "false, true"})
  void codesAndTheirScalesBecomeBlocks(boolean perChannel, boolean asymmetric) {
    Random random = new Random(3);
    byte[] codes = new byte[4 * 6 * 3 * 3];
    random.nextBytes(codes);
    float[] scales = new float[perChannel ? 6 : 1];
    byte[] zeros = new byte[scales.length];
    random.nextBytes(zeros);
    for (int i = 0; i < scales.length; i++) {
      scales[i] = 0.01f * (i + 1);
    }
    Graphs graph =
        graph()
            .weight(
                "spread",
                new QuantizedWeight(
                    Tensor.ofBytes(DataType.INT8, codes, 4, 6, 3, 3),
                    Tensor.of(scales, scales.length),
                    asymmetric ? Tensor.ofBytes(DataType.INT8, zeros, zeros.length) : null,
                    perChannel ? new Granularity.PerChannel(1) : new Granularity.PerTensor()))
            .node("y", "ConvTranspose", "x spread", "strides", new long[] {2, 2});
    Model model = rewritten(graph);
    assertEquals("{FusedConv=1, Slice=1}", Evaluation.operators(model));
    assertEquals(
        "int8 " + (perChannel ? "per channel" : "per tensor") + (asymmetric ? " asymmetric" : ""),
        model.weights().get("spread").encoding());
  }

  @ParameterizedTest
  @CsvSource({"2, 2, 1, 1", "2, 1, 1, 1", "2, 2, 2, 1", "2, 2, 1, 2", "1, 3, 1, 1"})
  void othersStay(int first, int second, int group, int dilation) {
    boolean plain = first == second && group == 1 && dilation == 1;
    Model model =
        rewritten(
            graph()
                .weight("spread", Evaluation.random(7, 4, 6 / group, 3, 3))
                .node(
                    "y",
                    "ConvTranspose",
                    "x spread",
                    "strides",
                    new long[] {first, second},
                    "group",
                    group,
                    "dilations",
                    new long[] {dilation, dilation}));
    assertEquals(
        plain ? "{FusedConv=1, Slice=1}" : "{ConvTranspose=1}", Evaluation.operators(model));
  }

  @ParameterizedTest
  @CsvSource({"DCR, 1", "CRD, 1", "DCR, 2", "CRD, 2"})
  void depthToSpaceGoesIntoTheConvolution(String mode, int readers) {
    Graphs graph =
        graph()
            .weight("filters", Evaluation.random(1, 24, 4, 3, 3))
            .weight("biases", Evaluation.random(2, 24))
            .node("c", "Conv", "x filters biases", "pads", new long[] {1, 1, 1, 1})
            .node("r", "Relu", "c")
            .node("d", "DepthToSpace", "r", "blocksize", 2, "mode", mode);
    if (readers == 1) {
      Model model = rewritten(graph.node("y", "Add", "d channels"));
      assertEquals("{Add=1, FusedConv=1}", Evaluation.operators(model));
    } else {
      Model model =
          rewritten(
              graph
                  .node("e", "DepthToSpace", "r", "blocksize", 2, "mode", mode)
                  .node("s", "Slice", "r from to")
                  .weight("from", Tensor.of(new long[] {0, 0, 0, 0}, 4))
                  .weight("to", Tensor.of(new long[] {9, 6, 9, 9}, 4))
                  .node("g", "GlobalMaxPool", "s")
                  .node("y", "Add", "d g"));
      assertEquals(1, model.graph().nodes().stream().filter(n -> n.is("DepthToSpace")).count());
    }
  }
}
