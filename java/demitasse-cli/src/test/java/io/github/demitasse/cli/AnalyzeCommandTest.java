package io.github.demitasse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AnalyzeCommandTest {
  @TempDir Path folder;

  private Path pairs() throws Exception {
    return Files.writeString(
        folder.resolve("pairs.tsv"),
        """
        A man plays the guitar.\tSomebody is playing a guitar.\t4.5
        A man plays the guitar.\tA man plays the trumpet.\t2.5
        A man plays the guitar.\tThe parcel arrives on Friday.\t0
        """);
  }

  private Cli.Result analyze(Object... more) throws Exception {
    Object[] all = {
      "analyze", TestFiles.miniLm(), "--data", pairs(), "--tokenizer", TestFiles.tokenizer()
    };
    Object[] joined = java.util.Arrays.copyOf(all, all.length + more.length);
    System.arraycopy(more, 0, joined, all.length, more.length);
    return Cli.run(joined);
  }

  @Test
  void everyLayerIsMeasuredInEveryFormat() throws Exception {
    JsonNode json =
        analyze("--include", "*layer.5*dense*", "--formats", "int8,int4", "--metric", "--json")
            .json();
    assertEquals(100, json.get("original_spearman").asDouble(), 1e-9);
    JsonNode layers = json.get("layers");
    assertTrue(layers.size() >= 6 && layers.size() % 2 == 0, layers.toString());
    for (int i = 0; i < layers.size(); i += 2) {
      JsonNode int8 = layers.get(i);
      JsonNode int4 = layers.get(i + 1);
      assertEquals("int8", int8.get("format").asText());
      assertEquals(int8.get("name"), int4.get("name"));
      double better = int8.get("output_sqnr_db").asDouble();
      assertTrue(better > int4.get("output_sqnr_db").asDouble(), int8 + " " + int4);
      assertTrue(int8.get("spearman").isNumber() && int4.get("cosine_min").isNumber());
    }
  }

  @Test
  void wrongUseIsExplained() throws Exception {
    Cli.Result unknown = analyze("--formats", "int7");
    assertEquals(2, unknown.code());
    assertTrue(unknown.err().contains("int7") && unknown.err().contains("int8"), unknown.err());
    analyze("--include", "nothing*").failed("nothing*");
  }
}
