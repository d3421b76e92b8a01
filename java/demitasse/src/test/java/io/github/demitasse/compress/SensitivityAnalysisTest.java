package io.github.demitasse.compress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.compress.SensitivityAnalysis.Candidate;
import io.github.demitasse.compress.SensitivityAnalysis.Result;
import io.github.demitasse.compress.quantize.NumberFormat;
import io.github.demitasse.compress.quantize.Quantize;
import io.github.demitasse.evaluate.Dataset;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.testing.TestModels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** On all-MiniLM-L6-v2: its sentence "hello world, how are you today". */
class SensitivityAnalysisTest {
  private static final List<Candidate> CANDIDATES =
      List.of(
          new Candidate("float16", Quantize.weights(NumberFormat.FLOAT16)::in),
          new Candidate("int8", Quantize.weights(NumberFormat.INT8)::in),
          new Candidate("int4", Quantize.weights(NumberFormat.INT4).group(32)::in));

  @TempDir static Path folder;
  private static Model model;
  private static Dataset data;

  @BeforeAll
  static void load() {
    model = Model.load(TestModels.resource("all-minilm-l6-v2.onnx", folder));
    long[] ids = {101, 7592, 2088, 1010, 2129, 2024, 2017, 2651, 102};
    data =
        Dataset.of(
            List.of(
                Map.of(
                    "input_ids", Tensor.of(ids, 1, 9),
                    "attention_mask", Tensor.of(new long[] {1, 1, 1, 1, 1, 1, 1, 1, 1}, 1, 9),
                    "token_type_ids", Tensor.of(new long[9], 1, 9))));
  }

  @Test
  void fewerBitsHurtEachLayerMore() {
    List<Model> measured = new ArrayList<>();
    List<String> progress = new ArrayList<>();
    SensitivityAnalysis.Sensitivity sensitivity =
        SensitivityAnalysis.of(model)
            .data(data)
            .in(Selector.of("*layer.3*output*dense*"))
            .metric(
                candidate -> {
                  measured.add(candidate);
                  return measured.size();
                })
            .progress((task, done, total) -> progress.add(done + "/" + total))
            .run(CANDIDATES);
    List<Result> results = sensitivity.results();
    assertTrue(results.size() >= 6 && results.size() % 3 == 0, results.size() + " results");
    assertEquals(1, sensitivity.originalMetric());
    assertEquals(results.size() + 1, measured.size());
    assertEquals(results.size() + "/" + results.size(), progress.get(progress.size() - 1));
    for (int i = 0; i < results.size(); i += 3) {
      Result half = results.get(i);
      Result int8 = results.get(i + 1);
      Result int4 = results.get(i + 2);
      assertEquals(half.layer(), int4.layer());
      assertTrue(half.outputSignalToNoise() > int8.outputSignalToNoise() + 10, half + " " + int8);
      assertTrue(int8.outputSignalToNoise() > int4.outputSignalToNoise() + 10, int8 + " " + int4);
      assertTrue(int4.cosineMin() > 0.9 && int4.cosineMin() < int8.cosineMin(), int4.toString());
      assertTrue(int4.bytesAfter() < int8.bytesAfter() && int8.bytesAfter() < half.bytesAfter());
    }
  }

  @Test
  void aLayerThatAFormatDoesNotFitIsLeftWithTheReason() {
    List<Candidate> candidates =
        List.of(
            new Candidate("large", Quantize.weights(NumberFormat.INT4).group(256)::in),
            new Candidate("small", Quantize.weights(NumberFormat.INT4).group(32)::in));
    List<Result> results =
        SensitivityAnalysis.of(model)
            .data(data)
            .in(Selector.of("*layer.3.output.dense*", "*layer.3.attention.output.dense*"))
            .run(candidates)
            .results();
    assertEquals(4, results.size());
    Result unfit = results.get(0); // 384 inputs
    assertTrue(unfit.reason().contains("groups of 256 do not divide"), unfit.toString());
    assertEquals(unfit.bytesBefore(), unfit.bytesAfter());
    assertNull(unfit.cosineMean());
    for (Result fit : results.subList(1, 4)) { // the other layer has 1,536
      assertEquals("", fit.reason());
      assertTrue(fit.cosineMean() > 0.9, fit.toString());
    }
  }

  @Test
  void itNeedsSamplesAndLayers() {
    SensitivityAnalysis none = SensitivityAnalysis.of(model);
    assertThrows(IllegalArgumentException.class, () -> none.run(CANDIDATES));
    SensitivityAnalysis empty = SensitivityAnalysis.of(model).data(Dataset.of(List.of()));
    assertThrows(IllegalArgumentException.class, () -> empty.run(CANDIDATES));
    SensitivityAnalysis nowhere =
        SensitivityAnalysis.of(model).data(data).in(Selector.of("no such layer"));
    String message =
        assertThrows(IllegalArgumentException.class, () -> nowhere.run(CANDIDATES)).getMessage();
    assertTrue(message.contains("no such layer"), message);
    assertTrue(message.contains("encoder.layer.0.output.dense"), message);
  }
}
