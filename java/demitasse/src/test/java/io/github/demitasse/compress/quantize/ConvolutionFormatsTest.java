package io.github.demitasse.compress.quantize;

import static io.github.demitasse.compress.quantize.NumberFormat.CODEBOOK4;
import static io.github.demitasse.compress.quantize.NumberFormat.INT4;
import static io.github.demitasse.compress.quantize.NumberFormat.INT8;
import static io.github.demitasse.compress.quantize.NumberFormat.NF4;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.compress.Compressor;
import io.github.demitasse.compress.LayerPlan;
import io.github.demitasse.compress.Recipe;
import io.github.demitasse.compress.Report;
import io.github.demitasse.evaluate.Dataset;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.rewrite.Rewrites;
import io.github.demitasse.runtime.ModelBuilder;
import io.github.demitasse.runtime.Session;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConvolutionFormatsTest {
  private static Model network() {
    Map<String, Attribute> window = Map.of("pads", Attribute.ofIntegers(List.of(1L, 1L, 1L, 1L)));
    return new ModelBuilder()
        .input("x", DataType.FLOAT32, 1, 4, 9, 11)
        .output("y", DataType.FLOAT32, 1, 8, 9, 11)
        .random("first", 16, 4, 3, 3)
        .random("second", 8, 16, 3, 3)
        .node("", "Conv", List.of("x", "first"), List.of("a"), window)
        .node("Relu", List.of("a"), "r")
        .node("", "Conv", List.of("r", "second"), List.of("y"), window)
        .build();
  }

  private static Tensor input() {
    Random random = new Random(2);
    float[] values = new float[4 * 9 * 11];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Tensor.of(values, 1, 4, 9, 11);
  }

  private static Report compress(Quantize step) {
    Dataset data = Dataset.of(List.of(Map.of("x", input())));
    return Compressor.on(network()).calibration(data).apply(Recipe.of(step)).report();
  }

  @Test
  void methodsForLinearLayersSayThatConvolutionsAreRoundedToNearest() {
    for (WeightMethod method : List.of(new Gptq(), new AdaRound())) {
      Quantize step = Quantize.weights(INT8).by(method);
      String note = "rounded to nearest: " + method.description() + " is for linear layers";
      for (LayerPlan layer : plan(step, network())) {
        assertEquals(note, layer.note());
      }
      compress(step).layers().forEach(layer -> assertEquals(note, layer.note()));
    }
  }

  @Test
  void convolutionsThatComputeInFloatsSaySo() {
    Quantize integers = Quantize.weights(INT8).activations(INT8);
    String note = "computes in floating point: ";
    for (LayerPlan layer : plan(integers, network())) {
      assertEquals(note + "int8 activations of convolutions need calibrated ranges", layer.note());
    }
    Quantize fixed = integers.calibrate(MinMax.calibration());
    for (LayerPlan layer : plan(fixed, network())) {
      assertNull(layer.note());
    }
    for (LayerPlan layer : plan(fixed.asymmetric(), network())) {
      assertEquals(note + "no integer kernel for weights with zero points", layer.note());
    }
    for (LayerPlan layer : plan(fixed, convolution(1, 65_536 / 9 + 1))) {
      assertEquals(note + "no integer kernel that adds so many products", layer.note());
    }
  }

  private static List<LayerPlan> plan(Quantize step, Model model) {
    return Recipe.of(step).plan(Rewrites.apply(model)).steps().get(0).layers();
  }

  @Test
  void groupsAreForLinearLayersAndTheReasonIsSaid() {
    for (Report.LayerReport layer : compress(Quantize.weights(INT4).group(16)).layers()) {
      assertEquals("convolutions have one scale for each channel or for all", layer.reason());
      assertEquals(layer.encodingBefore(), layer.encodingAfter());
    }
  }

  /** At four bits, clipping is worth its error, which is where the methods differ. */
  @Test
  void smallestErrorHelpsTheWeightsOfConvolutions() {
    List<Report.LayerReport> plain = compress(Quantize.weights(INT4)).layers();
    List<Report.LayerReport> clipped =
        compress(Quantize.weights(INT4).by(new RoundToNearest(SmallestError.INSTANCE))).layers();
    for (int i = 0; i < plain.size(); i++) {
      double before = plain.get(i).weightSqnr();
      double after = clipped.get(i).weightSqnr();
      assertTrue(after > before, plain.get(i).name() + ": " + after + " against " + before);
    }
  }

  /** Sums of products of codes, read off the outputs of the simulated and the integer model. */
  @ParameterizedTest
  @CsvSource({"1, 4", "1, 1", "1, 3", "1, 6", "8, 1", "4, 1", "2, 2", "2, 7"})
  void simulatedAndIntegerExecutionGiveTheSameIntegers(long group, int perGroup) {
    Model exact = convolution(group, perGroup);
    Map<String, Tensor> input =
        Map.of("x", Tensor.of(Matrices.inputs(9 * 11, (int) group * perGroup, 6), shape(exact)));
    for (Quantize step :
        List.of(
            Quantize.weights(INT8),
            Quantize.weights(INT8).perTensor(),
            Quantize.weights(INT4),
            Quantize.weights(NF4),
            Quantize.weights(CODEBOOK4))) {
      Quantize fixed = step.activations(INT8).calibrate(MinMax.calibration());
      assertNull(plan(fixed, exact).get(0).note(), "integers are computed with");
      Model integer =
          Compressor.on(exact)
              .calibration(Dataset.of(List.of(input)))
              .apply(Recipe.of(fixed))
              .model();
      Map<String, Weight> floats = new HashMap<>();
      integer.weights().forEach((name, w) -> floats.put(name, new DenseWeight(w.dequantize())));
      float[] real = run(integer, input);
      float[] simulated = run(integer.withWeights(floats), input);
      float inputStep = Matrices.inputStep(integer);
      float[] steps = Matrices.weightSteps(integer);
      for (int i = 0; i < real.length; i++) {
        double unit = (double) inputStep * steps[i / (5 * 11) % steps.length];
        assertEquals(Math.rint(real[i] / unit), real[i] / unit, 0.02, step + ": an integer");
        assertEquals(Math.round(real[i] / unit), Math.round(simulated[i] / unit), step.toString());
      }
    }
  }

  private static Model convolution(long group, int perGroup) {
    Map<String, Attribute> window =
        Map.of(
            "pads", Attribute.ofIntegers(List.of(1L, 1L, 1L, 1L)),
            "strides", Attribute.ofIntegers(List.of(2L, 1L)),
            "group", Attribute.of(group));
    return new ModelBuilder()
        .input("x", DataType.FLOAT32, 1, group * perGroup, 9, 11)
        .output("y", DataType.FLOAT32, 1, 8, 5, 11)
        .random("w", 8, perGroup, 3, 3)
        .node("", "Conv", List.of("x", "w"), List.of("y"), window)
        .build();
  }

  private static long[] shape(Model model) {
    return model.graph().inputs().get(0).shape().sizes();
  }

  private static float[] run(Model model, Map<String, Tensor> input) {
    try (Session session = Session.open(model);
        Tensor y = session.run(input).get("y")) {
      return y.toFloats();
    }
  }
}
