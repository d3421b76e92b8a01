package io.github.demitasse.cli.data;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;

/**
 * The process in which tokenizers run: the tokenizer library is native and ends its process when a
 * tokenizer file surprises it. Requests come on standard input, answers go to standard output.
 */
final class TokenizerWorker {
  /** Request: read the tokenizer in a file; its path and the most tokens of a text follow. */
  static final byte LOAD = 1;

  /** Request: encode a text, which follows; the answer is ids, attention mask and type ids. */
  static final byte ENCODE = 2;

  static final byte DONE = 0;

  /** Answer: it cannot be done; the reason follows. */
  static final byte FAILED = 1;

  private final DataInputStream requests;
  private final DataOutputStream answers;
  private HuggingFaceTokenizer tokenizer;

  private TokenizerWorker(DataInputStream requests, DataOutputStream answers) {
    this.requests = requests;
    this.answers = answers;
  }

  /** Ends when standard input does. */
  public static void main(String[] arguments) throws IOException {
    // The library would otherwise report its use to its makers, or look for a library for graphics
    // cards.
    System.setProperty("ai.djl.offline", "true");
    System.setProperty("OPT_OUT_TRACKING", "true");
    System.setProperty("RUST_FLAVOR", "cpu");
    PrintStream answers = System.out;
    System.setOut(System.err);
    new TokenizerWorker(
            new DataInputStream(new BufferedInputStream(System.in)),
            new DataOutputStream(new BufferedOutputStream(answers)))
        .serve();
  }

  private void serve() throws IOException {
    for (int request = requests.read(); request >= 0; request = requests.read()) {
      try {
        if (request == LOAD) {
          load(Path.of(readText(requests)), requests.readInt());
        } else {
          encode(readText(requests));
        }
      } catch (RuntimeException failed) {
        answers.writeByte(FAILED);
        writeText(answers, String.valueOf(failed.getMessage()));
      }
      answers.flush();
    }
  }

  private void load(Path file, int maximumTokens) throws IOException {
    if (tokenizer != null) {
      tokenizer.close();
      tokenizer = null;
    }
    // The file's own padding and truncation are for training batches; here every token counts.
    Map<String, String> options =
        Map.of(
            "padding", "false",
            "truncation", "true",
            "maxLength", Integer.toString(maximumTokens));
    tokenizer = HuggingFaceTokenizer.newInstance(file, options);
    answers.writeByte(DONE);
  }

  private void encode(String text) throws IOException {
    Encoding encoding = tokenizer.encode(text);
    long[][] parts = {encoding.getIds(), encoding.getAttentionMask(), encoding.getTypeIds()};
    answers.writeByte(DONE);
    answers.writeInt(parts[0].length);
    for (long[] part : parts) {
      for (long value : part) {
        answers.writeLong(value);
      }
    }
  }

  static String readText(DataInputStream in) throws IOException {
    return new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8);
  }

  static void writeText(DataOutputStream out, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    out.writeInt(bytes.length);
    out.write(bytes);
  }
}
