package io.github.demitasse.cli.data;

import io.github.demitasse.cli.process.ChildJvm;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/**
 * Confined to one thread: a tokenizer in a process of its own, so that a broken tokenizer file is
 * an exception, whatever it does to the native tokenizer library.
 */
final class TokenizerProcess implements AutoCloseable {
  private final Process process;
  private final DataOutputStream requests;
  private final DataInputStream answers;
  private final Complaints complaints;
  private Path file;

  /** What the process says on standard error, read so that it never has to wait. */
  private static final class Complaints extends Thread {
    private static final int LONGEST = 1 << 16;

    private final BufferedReader source;
    private final StringBuilder text = new StringBuilder();

    Complaints(Process process) {
      super("demitasse-tokenizer-errors");
      source =
          new BufferedReader(
              new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8));
      setDaemon(true);
    }

    @Override
    public void run() {
      try {
        for (String line = source.readLine(); line != null; line = source.readLine()) {
          if (text.length() < LONGEST) {
            text.append(line).append('\n');
          }
        }
      } catch (IOException closed) {
        return;
      }
    }

    /** The reason that a Rust library gives before it ends its process, or null. */
    String reason() throws InterruptedException {
      join(1000);
      List<String> lines = text.toString().lines().toList();
      for (int i = 0; i + 1 < lines.size(); i++) {
        if (lines.get(i).contains("panicked at")) {
          return lines.get(i + 1);
        }
      }
      return null;
    }
  }

  /** Ids, attention mask and type ids of a text's tokens. */
  record Tokens(long[] ids, long[] mask, long[] types) {}

  TokenizerProcess() {
    try {
      process = ChildJvm.of(TokenizerWorker.class.getName(), List.of()).start();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot start a process for the tokenizer", e);
    }
    requests = new DataOutputStream(new BufferedOutputStream(process.getOutputStream()));
    answers = new DataInputStream(new BufferedInputStream(process.getInputStream()));
    complaints = new Complaints(process);
    complaints.start();
  }

  /**
   * Reads a tokenizer.
   *
   * @throws IllegalArgumentException if it is broken, naming the file; then, unless {@link
   *     #isAlive}, the process is of no more use
   */
  void load(Path tokenizer, int maximumTokens) {
    file = tokenizer;
    try {
      requests.writeByte(TokenizerWorker.LOAD);
      TokenizerWorker.writeText(requests, tokenizer.toString());
      requests.writeInt(maximumTokens);
      awaitAnswer("not a tokenizer: ");
    } catch (IOException ended) {
      throw broken(ended);
    }
  }

  /**
   * The tokens of a text.
   *
   * @throws IllegalArgumentException as {@link #load} does
   */
  Tokens encode(String text) {
    try {
      requests.writeByte(TokenizerWorker.ENCODE);
      TokenizerWorker.writeText(requests, text);
      awaitAnswer("the tokenizer does not take '" + text + "': ");
      int count = answers.readInt();
      return new Tokens(read(count), read(count), read(count));
    } catch (IOException ended) {
      throw broken(ended);
    }
  }

  boolean isAlive() {
    return process.isAlive();
  }

  private void awaitAnswer(String failure) throws IOException {
    requests.flush();
    if (answers.readByte() == TokenizerWorker.FAILED) {
      throw new IllegalArgumentException(file + ": " + failure + TokenizerWorker.readText(answers));
    }
  }

  private long[] read(int count) throws IOException {
    long[] values = new long[count];
    for (int i = 0; i < count; i++) {
      values[i] = answers.readLong();
    }
    return values;
  }

  private IllegalArgumentException broken(IOException ended) {
    try {
      String reason = complaints.reason();
      String what = reason == null ? "its process ended with " + process.waitFor() : reason;
      return new IllegalArgumentException(
          file + ": the tokenizer library gives up on it: " + what, ended);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return new IllegalArgumentException(file + ": interrupted", e);
    }
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
