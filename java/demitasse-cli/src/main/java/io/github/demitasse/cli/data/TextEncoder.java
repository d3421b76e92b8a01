package io.github.demitasse.cli.data;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import io.github.demitasse.Model;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Confined to one thread: turns texts into a model's inputs, one sample a text, without padding.
 */
public final class TextEncoder implements AutoCloseable {
  static {
    // The tokenizer library would otherwise report its use to its makers, or look for a library for
    // graphics cards.
    System.setProperty("ai.djl.offline", "true");
    System.setProperty("OPT_OUT_TRACKING", "true");
    System.setProperty("RUST_FLAVOR", "cpu");
  }

  private final HuggingFaceTokenizer tokenizer;
  private final List<ValueInfo> inputs;

  TextEncoder(Path tokenizerFile, int maximumTokens, Model model) {
    this.inputs = model.graph().inputs();
    for (ValueInfo input : inputs) {
      if (!List.of("input_ids", "attention_mask", "token_type_ids").contains(input.name())) {
        throw new IllegalArgumentException(
            "the model's input '" + input + "' cannot be made from text");
      }
    }
    // The file's own padding and truncation are for training batches; here every token counts.
    Map<String, String> options =
        Map.of(
            "padding", "false",
            "truncation", "true",
            "maxLength", Integer.toString(maximumTokens));
    try {
      if (!Files.isRegularFile(tokenizerFile)) {
        throw new NoSuchFileException(tokenizerFile.toString());
      }
      this.tokenizer = HuggingFaceTokenizer.newInstance(tokenizerFile, options);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (RuntimeException e) {
      throw new IllegalArgumentException(tokenizerFile + ": not a tokenizer: " + e.getMessage(), e);
    }
  }

  /** One sample of batch 1 for each text. */
  public List<Map<String, Tensor>> encode(List<String> texts) {
    List<Map<String, Tensor>> samples = new ArrayList<>();
    for (String text : texts) {
      Encoding encoding = tokenizer.encode(text);
      Map<String, Tensor> sample = new LinkedHashMap<>();
      for (ValueInfo input : inputs) {
        long[] values =
            switch (input.name()) {
              case "input_ids" -> encoding.getIds();
              case "attention_mask" -> encoding.getAttentionMask();
              default -> encoding.getTypeIds();
            };
        sample.put(input.name(), Tensor.of(values, 1, values.length));
      }
      samples.add(sample);
    }
    return samples;
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
