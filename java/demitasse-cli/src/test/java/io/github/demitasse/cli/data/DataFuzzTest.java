package io.github.demitasse.cli.data;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/**
 * Texts and tokenizers given anything at all: data, an {@link IllegalArgumentException}, no more.
 */
class DataFuzzTest {
  private static final List<String> TEXTS =
      List.of("Hello, w\u00f6rld!", "", "a \ud83d\ude00 [MASK]");

  private static Path file;
  private static TokenizerProcess tokenizers;

  @BeforeAll
  static void createFile() throws IOException {
    file = Files.createTempFile("demitasse", ".fuzz");
  }

  @AfterAll
  static void deleteFile() throws IOException {
    if (tokenizers != null) {
      tokenizers.close();
    }
    Files.delete(file);
  }

  @FuzzTest(maxDuration = "10m")
  void text(byte[] content) throws IOException {
    Files.write(file, content);
    try {
      TextFile.read(file).toString();
    } catch (IllegalArgumentException expected) {
      return;
    }
  }

  /** The library under it is native and may end its process, which must not be this one. */
  @FuzzTest(maxDuration = "10m")
  void tokenizer(byte[] content) throws IOException {
    Files.write(file, content);
    if (tokenizers == null || !tokenizers.isAlive()) {
      tokenizers = new TokenizerProcess();
    }
    try {
      tokenizers.load(file, 8);
      TEXTS.forEach(tokenizers::encode);
    } catch (IllegalArgumentException expected) {
      return;
    }
  }
}
