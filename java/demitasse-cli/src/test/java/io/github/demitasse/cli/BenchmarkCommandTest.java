package io.github.demitasse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchmarkCommandTest {
  @TempDir Path folder;

  private static Cli.Result benchmark(Object... more) {
    List<Object> arguments = new ArrayList<>(List.of("benchmark", TestFiles.int8()));
    arguments.addAll(List.of(more));
    arguments.addAll(List.of("--seconds", "0.1"));
    return Cli.run(arguments.toArray());
  }

  private static void checkFigures(JsonNode result, int samples) {
    double median = result.get("median_ms").asDouble();
    assertTrue(result.get("min_ms").asDouble() > 0, result.toString());
    assertTrue(result.get("min_ms").asDouble() <= median, result.toString());
    assertEquals(1000 * samples / median, result.get("samples_per_second").asDouble(), 1e-6);
    assertTrue(result.get("peak_rss_bytes").asLong() > 20_000_000, result.toString());
  }

  @Test
  void timesSeveralShapes() {
    JsonNode json =
        benchmark(
                "--shape",
                "input_ids=1x8",
                "--shape",
                "input_ids=2x4,attention_mask=2x4",
                "--threads",
                "1",
                "--json")
            .json();
    assertEquals("input_ids=1x8", json.get("shapes").asText());
    assertEquals(1, json.get("threads").asInt());
    checkFigures(json, 1);
    assertEquals(2, json.get("results").size());
    assertEquals(json.get("median_ms"), json.get("results").get(0).get("median_ms"));
    checkFigures(json.get("results").get(1), 2);
  }

  /** The exporter gave batch and sequence the same name. */
  @Test
  void inputsThatAreNotNamedTakeTheirSizesFromTheOthers() {
    JsonNode json =
        Cli.run(
                "benchmark",
                TestFiles.miniLm(),
                "--shape",
                "input_ids=2x8",
                "--seconds",
                "0.1",
                "--json")
            .json();
    checkFigures(json, 2);
  }

  @Test
  void timesSentencesOfDifferentLengthsAgainstAnotherModel() throws Exception {
    Path text =
        Files.writeString(
            folder.resolve("text.tsv"),
            "A short one.\tA sentence with a few more words in it.\t1\nCup\tTea\t5\n");
    JsonNode json =
        benchmark(
                "--text",
                text,
                "--tokenizer",
                TestFiles.tokenizer(),
                "--batch",
                "3",
                "--against",
                TestFiles.miniLm(),
                "--json")
            .json();
    checkFigures(json, 4);
    double ratio =
        json.get("against").get("median_ms").asDouble() / json.get("median_ms").asDouble();
    assertEquals(ratio, json.get("speedup").asDouble(), 1e-9);
  }

  @Test
  void shapesThatDoNotFitAreTold() {
    benchmark("--shape", "input_ids").misused("input_ids=32x128");
    benchmark("--shape", "input_ids=1x-4").misused("input_ids=1x-4");
    benchmark("--shape", "input_ids=1xmany").misused("1xmany");
    benchmark("--shape", "sugar=1x4").failed("sugar", "input_ids");
    benchmark("--shape", "input_ids=4").failed("input_ids", "given [4]");
    benchmark("--shape", "input_ids=1x4,attention_mask=1x5")
        .failed("attention_mask", "4 in another input");
    benchmark("--shape", "input_ids=1x100000").failed("100000");
    benchmark("--shape", "input_ids=1000000x1000000").failed("1000000");
    benchmark().misused("--shape or --text");
  }
}
