package io.github.demitasse.benchmarks.minilm;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Thread-safe: all-MiniLM-L6-v2's files out of their Maven artifacts, and its tokenizer. */
public final class MiniLm {
  /** The longest text that the model was made for, in tokens. */
  private static final int LONGEST = 256;

  private MiniLm() {}

  public static Path fp32() {
    return resource("/all-minilm-l6-v2.onnx");
  }

  /** The same model quantized by another tool. */
  public static Path quantizedByOthers() {
    return resource("/all-minilm-l6-v2-q.onnx");
  }

  public static Path tokenizer() {
    return resource("/all-minilm-l6-v2-tokenizer.json");
  }

  /** Token ids of each sentence, with the special tokens, no padding. */
  public static List<long[]> tokenize(List<String> sentences) {
    Map<String, String> options =
        Map.of("padding", "false", "truncation", "true", "maxLength", Integer.toString(LONGEST));
    try (HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.newInstance(tokenizer(), options)) {
      List<long[]> tokens = new ArrayList<>();
      for (String sentence : sentences) {
        tokens.add(tokenizer.encode(sentence).getIds());
      }
      return tokens;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path resource(String name) {
    Path file = Path.of(System.getProperty("java.io.tmpdir"), "demitasse-benchmarks" + name);
    try (InputStream content = MiniLm.class.getResourceAsStream(name)) {
      if (!Files.exists(file)) {
        Files.createDirectories(file.getParent());
        Path partial = Files.createTempFile(file.getParent(), "partial", "");
        Files.copy(content, partial, StandardCopyOption.REPLACE_EXISTING);
        Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE);
      }
      return file;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
