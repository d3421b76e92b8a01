package io.github.demitasse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.demitasse.format.npz.Npz;
import io.github.demitasse.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvaluateCommandTest {
  /** By ONNX Runtime 1.29.0. */
  private static final double REFERENCE = 82.03;

  @TempDir Path folder;

  private Path file(String name, String content) throws Exception {
    return Files.writeString(folder.resolve(name), content);
  }

  private static Cli.Result evaluate(Path data) {
    return Cli.run(
        "evaluate", TestFiles.miniLm(), "--data", data, "--tokenizer", TestFiles.tokenizer());
  }

  @Test
  void sentenceSimilarityIsTheReferencesAndInt8KeepsIt() {
    Path data = TestFiles.sharedData("stsb/test.tsv");
    Object[] common = {"--data", data, "--tokenizer", TestFiles.tokenizer(), "--json"};
    JsonNode original =
        Cli.run(with(common, "evaluate", TestFiles.miniLm(), "--against", TestFiles.int8())).json();
    assertEquals(1379, original.get("samples").asInt());
    assertEquals(REFERENCE, original.get("spearman").asDouble(), 0.005);
    assertTrue(original.get("cosine_mean").asDouble() >= 0.995, original.toString());
    assertTrue(original.get("cosine_min").asDouble() >= 0.97, original.toString());
    JsonNode small = Cli.run(with(common, "evaluate", TestFiles.int8())).json();
    assertEquals(REFERENCE, small.get("spearman").asDouble(), 0.2);
  }

  private static Object[] with(Object[] common, Object... first) {
    Object[] all = java.util.Arrays.copyOf(first, first.length + common.length);
    System.arraycopy(common, 0, all, first.length, common.length);
    return all;
  }

  @Test
  void similarSentencesRankBeforeOthers() throws Exception {
    Path data =
        file(
            "pairs.tsv",
            """
            A man plays the guitar.\tSomebody is playing a guitar.\t4.5

            A man plays the guitar.\tA man plays the trumpet.\t2.5
            A man plays the guitar.\tThe parcel arrives on Friday.\t0
            """);
    Cli.Result result = evaluate(data);
    assertEquals(0, result.code(), result.err());
    assertTrue(result.out().contains("spearman     100.00000"), result.out());
  }

  @Test
  void linesThatAreNoPairsAreNamed() throws Exception {
    String good = "one\ttwo\t1\n";
    evaluate(file("a.tsv", good + "\nthree\tfour\n")).failed("a.tsv:3", "2 fields");
    evaluate(file("b.tsv", good + "three\tfour\tfive\n")).failed("b.tsv:2", "'five'");
    evaluate(file("c.tsv", good + "three\tfour\tNaN\n")).failed("c.tsv:2", "'NaN'");
    evaluate(file("d.tsv", good + "alone\n")).failed("d.tsv:2");
    evaluate(file("e.tsv", good + "three\t \t2\n")).failed("e.tsv:2", "empty sentence");
    evaluate(file("f.tsv", "\n\n")).failed("f.tsv", "no text");
    evaluate(file("g.tsv", good)).failed("g.tsv", "two pairs");
    evaluate(file("h.tsv", good + "three\tfour\t1\n")).failed("h.tsv", "differ");
    evaluate(file("i.txt", "alone\n")).failed("i.txt", "--against");
    evaluate(Files.write(folder.resolve("j.tsv"), new byte[] {'a', (byte) 0xff}))
        .failed("j.tsv", "UTF-8");
    evaluate(folder.resolve("none.tsv")).failed("none.tsv: no such file");
  }

  @Test
  void aTokenizerThatEndsItsNativeLibraryIsAnError() throws Exception {
    Path data = file("data.tsv", "a b\tc d\t1\ne f\tg h\t2\n");
    Path inputs = Path.of("src/test/resources/io/github/demitasse/cli/data/DataFuzzTestInputs");
    Path fatal = inputs.resolve("tokenizer/ends-its-process.json");
    Cli.run("evaluate", TestFiles.miniLm(), "--data", data, "--tokenizer", fatal)
        .failed(fatal + ": the tokenizer library gives up on it: ", "expected value");
  }

  @Test
  void tokenizersThatAreNoneAreNamed() throws Exception {
    Path data = file("pairs.tsv", "one\ttwo\t1\nthree\tfour\t2\n");
    Path broken = file("broken.json", "{\"version\": \"1.0\", \"model\": {\"type\": \"Wonder\"}}");
    String whole = Files.readString(TestFiles.tokenizer());
    Path half = file("half.json", whole.substring(0, whole.length() / 2));
    for (Path tokenizer : new Path[] {broken, half, file("empty.json", "")}) {
      Cli.run("evaluate", TestFiles.miniLm(), "--data", data, "--tokenizer", tokenizer)
          .failed(tokenizer.toString(), "not a tokenizer");
    }
    Path none = folder.resolve("none.json");
    Cli.run("evaluate", TestFiles.miniLm(), "--data", data, "--tokenizer", none)
        .failed("none.json: no such file");
    Cli.run("evaluate", TestFiles.miniLm(), "--data", data).failed("--tokenizer");
    Cli.run(
            "evaluate",
            TestFiles.classifier(folder),
            "--data",
            data,
            "--tokenizer",
            TestFiles.tokenizer())
        .failed("x", "cannot be made from text");
  }

  @Test
  void accuracyIsTheShareOfLabelsThatAreTheLargestOutput() throws Exception {
    Path model = TestFiles.classifier(folder);
    Path data = folder.resolve("data.npz");
    Tensor x = Tensor.of(new float[] {9, 1, 1, 1, 9, 1, 1, 1, 9, 9, 1, 1}, 4, 3);
    Map<String, Tensor> arrays = new LinkedHashMap<>(Map.of("x", x));
    arrays.put("labels", Tensor.of(new long[] {0, 1, 2, 1}, 4));
    Npz.write(arrays, data);
    JsonNode json =
        Cli.run("evaluate", model, "--data", data, "--against", model, "--batch", "3", "--json")
            .json();
    assertEquals(4, json.get("samples").asInt());
    assertEquals(0.75, json.get("accuracy").asDouble());
    assertEquals(1, json.get("cosine_min").asDouble(), 1e-12);

    arrays.put("labels", Tensor.of(new long[] {0, 1}, 2));
    Npz.write(arrays, data);
    Cli.run("evaluate", model, "--data", data).failed("'labels'", "4 samples");
    arrays.remove("labels");
    Npz.write(arrays, data);
    Cli.run("evaluate", model, "--data", data).failed("'labels'", "--against");
    Npz.write(Map.of("z", x), data);
    Cli.run("evaluate", model, "--data", data).failed("'x' is missing", "[z]");
    byte[] bytes = Files.readAllBytes(data);
    Files.write(data, java.util.Arrays.copyOf(bytes, bytes.length / 2));
    Cli.run("evaluate", model, "--data", data).failed("data.npz");
  }
}
