package io.github.demitasse.compress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.compress.quantize.Gptq;
import io.github.demitasse.compress.quantize.NumberFormat;
import io.github.demitasse.compress.quantize.Quantize;
import io.github.demitasse.compress.quantize.WholeRange;
import java.util.List;
import org.junit.jupiter.api.Test;

class RecipeFileTest {
  private static Recipe parse(String text) {
    return RecipeFile.parse(text, "recipe.yaml");
  }

  private static String failure(String text) {
    return assertThrows(IllegalArgumentException.class, () -> parse(text)).getMessage();
  }

  @Test
  void everySettingReachesTheStep() {
    Recipe recipe =
        parse(
            """
            steps:
              - quantize:
                  weights: int8
                  granularity: tensor
                  symmetric: false
                  activations: int8
                  calibrate: percentile
                  percentile: 99.9
                  embeddings: false
                  layers: {include: ["encoder.*"], exclude: ["*output*"]}
            """);
    Quantize step = (Quantize) recipe.steps().get(0);
    assertEquals("int8 per tensor asymmetric", step.weights().toString());
    assertEquals("percentile 99.9", step.calibration().description());
    assertNull(step.embeddings());
    assertEquals(List.of("encoder.*"), step.layers().include());
    assertEquals(List.of("*output*"), step.layers().exclude());
  }

  @Test
  void everyMethodOfRoundingReachesTheStep() {
    Quantize gptq =
        (Quantize)
            parse(
                    """
                    steps:
                      - quantize: {weights: int4, group: 64, method: gptq, scales: min-max, sequential: false,
                          activation-order: false, damping: 0.05, bias-correction: true, embeddings: int8,
                          activations: none}
                    """)
                .steps()
                .get(0);
    assertEquals(
        Quantize.weights(NumberFormat.INT4)
            .group(64)
            .by(new Gptq(WholeRange.INSTANCE, false, 0.05, false))
            .correctBias()
            .embeddings(NumberFormat.INT8),
        gptq);
    for (String method : List.of("rtn", "mse", "hqq", "gptq", "adaround")) {
      Quantize step =
          (Quantize)
              parse("steps: [{quantize: {weights: int4, method: " + method + "}}]").steps().get(0);
      assertTrue(step.method().description().startsWith(method), step.toString());
    }
    for (String weights : List.of("nf4", "codebook4")) {
      for (String method : List.of("rtn", "mse", "gptq")) {
        String settings = "weights: " + weights + ", group: 64, method: " + method;
        Quantize step = (Quantize) parse("steps: [{quantize: {" + settings + "}}]").steps().get(0);
        assertEquals(weights + " group 64", step.weights().toString());
      }
    }
    assertEquals(
        Quantize.weights(NumberFormat.INT8).embeddings(NumberFormat.NF4),
        parse("steps: [{quantize: {weights: int8, embeddings: nf4}}]").steps().get(0));
  }

  @Test
  void theDefaultsAreThoseOfTheJavaApi() {
    Quantize step =
        (Quantize) parse("steps: [{quantize: {weights: int8, activations: int8}}]").steps().get(0);
    assertEquals(Quantize.weights(NumberFormat.INT8).activations(NumberFormat.INT8), step);
  }

  @Test
  void unknownKeysAreNamed() {
    assertTrue(
        failure("steps: [{quantize: {weights: int8, gruop: 32}}]").contains("'gruop'"),
        "names the key");
    assertTrue(failure("steps: [{prunee: {}}]").contains("prunee"));
    assertTrue(failure("step: []").contains("steps"));
  }

  @Test
  void messagesSpeakOfTheRecipe() {
    assertEquals(
        "recipe.yaml: not YAML: expected the node content, but found '<stream end>' (line 1)",
        failure("steps: ["));
    String wrongValue = failure("steps: [{quantize: {weights: int9}}]");
    assertTrue(
        wrongValue.startsWith("recipe.yaml: quantize: 'weights' is 'int9'; expected float16"),
        wrongValue);
    String wrongType = failure("steps: [{quantize: {weights: int8, percentile: much}}]");
    assertTrue(wrongType.contains("'percentile' is 'much'; expected a double"), wrongType);
    String wrongUse = failure("steps: [{quantize: {weights: int8, percentile: 99}}]");
    assertTrue(wrongUse.startsWith("recipe.yaml: quantize: 'percentile' goes with"), wrongUse);
  }

  @Test
  void aStepWithoutSettingsIsAnError() {
    for (String settings : List.of("", "null", "int8", "[]")) {
      String message = failure("steps:\n  - quantize: " + settings + "\n");
      assertTrue(message.contains("quantize: a step's settings are a map"), message);
    }
  }

  @Test
  void wrongValuesAreRejected() {
    assertTrue(failure("steps: [{quantize: {weights: int3}}]").contains("int3"));
    assertTrue(failure("steps: [{quantize: {}}]").contains("weights"));
    assertTrue(
        failure("steps: [{quantize: {weights: int8, percentile: 99}}]").contains("percentile"));
    assertTrue(failure("steps: []").contains("at least one step"));
    assertTrue(failure("steps: [{quantize: {weights: [").contains("recipe.yaml"));
    assertTrue(
        failure("steps: [{quantize: {weights: float16, activations: int8}}]").contains("int8"));
    assertTrue(failure("steps: [{quantize: {weights: int4, group: 33}}]").contains("33"));
    assertTrue(
        failure("steps: [{quantize: {weights: int4, damping: 0.1}}]").contains("method: gptq"));
    assertTrue(
        failure("steps: [{quantize: {weights: int4, embeddings: maybe}}]").contains("maybe"));
    for (String method : List.of("hqq", "adaround")) {
      assertTrue(
          failure("steps: [{quantize: {weights: nf4, method: " + method + "}}]")
              .contains("needs codes at even steps"));
    }
    assertTrue(
        failure("steps: [{quantize: {weights: codebook4, symmetric: false}}]")
            .contains("no zero point"));
    assertTrue(failure("").contains("steps"));
  }
}
