package io.github.demitasse.compress.quantize;

import static io.github.demitasse.compress.quantize.NumberFormat.INT4;
import static io.github.demitasse.compress.quantize.NumberFormat.INT8;
import static org.junit.jupiter.api.Assertions.assertEquals;
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
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

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

  private static Report compress(Quantize step) {
    Random random = new Random(2);
    float[] values = new float[4 * 9 * 11];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    Dataset data = Dataset.of(List.of(Map.of("x", Tensor.of(values, 1, 4, 9, 11))));
    return Compressor.on(network()).calibration(data).apply(Recipe.of(step)).report();
  }

  @Test
  void methodsForLinearLayersSayThatConvolutionsAreRoundedToNearest() {
    for (WeightMethod method : List.of(new Gptq(), new AdaRound())) {
      Quantize step = Quantize.weights(INT8).by(method);
      String note = "rounded to nearest: " + method.description() + " is for linear layers";
      for (LayerPlan layer :
          Recipe.of(step).plan(Rewrites.apply(network())).steps().get(0).layers()) {
        assertEquals(note, layer.note());
      }
      compress(step).layers().forEach(layer -> assertEquals(note, layer.note()));
    }
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
}
