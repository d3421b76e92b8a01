package io.github.demitasse.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonSerializer;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.module.SimpleModule;
import io.github.demitasse.compress.ProgressListener;
import java.io.IOException;
import java.util.Locale;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * Options that every command shares, and where its words go: results to standard output, all else
 * to standard error.
 */
final class Output {
  private static final ObjectMapper JSON =
      new ObjectMapper()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .registerModule(
              new SimpleModule()
                  .addSerializer(Double.class, new FiniteNumber())
                  .addSerializer(Double.TYPE, new FiniteNumber()));

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(names = "--json", description = "Print one JSON object on standard output.")
  private boolean json;

  @Option(names = "--verbose", description = "Print the stack trace of a failure.")
  private boolean verbose;

  boolean json() {
    return json;
  }

  /** The result for programs, when asked for. */
  void json(Object result) {
    if (json) {
      out(toJson(result));
    }
  }

  /** Something to know beside the result. */
  void note(String text) {
    CommandLine commandLine = command.commandLine();
    commandLine.getErr().println("demitasse: " + text);
    commandLine.getErr().flush();
  }

  /** A line of the result for people. */
  void line(String format, Object... arguments) {
    if (!json) {
      out(arguments.length == 0 ? format : String.format(Locale.ROOT, format, arguments));
    }
  }

  private void out(String text) {
    CommandLine commandLine = command.commandLine();
    commandLine.getOut().println(text);
    commandLine.getOut().flush();
  }

  /** JSON has no infinity and no NaN: null stands for them. */
  private static final class FiniteNumber extends JsonSerializer<Double> {
    @Override
    public void serialize(Double value, JsonGenerator json, SerializerProvider provider)
        throws IOException {
      if (Double.isFinite(value)) {
        json.writeNumber(value);
      } else {
        json.writeNull();
      }
    }
  }

  /** The object as JSON, indented. */
  static String toJson(Object value) {
    try {
      return JSON.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a result cannot be written as JSON", e);
    }
  }

  /** Bytes as people read them. */
  static String megabytes(long bytes) {
    return bytes < 1_000_000
        ? String.format(Locale.ROOT, "%.1f kB", bytes / 1e3)
        : String.format(Locale.ROOT, "%.1f MB", bytes / 1e6);
  }

  /** Bars on a terminal, silence elsewhere. */
  Progress progress() {
    return new Progress(CommandLine.Help.Ansi.AUTO.enabled());
  }

  /** Confined to one thread: draws one bar for each task on standard error. */
  static final class Progress implements ProgressListener, AutoCloseable {
    private final boolean visible;
    private String current;
    private ProgressBar bar;

    private Progress(boolean visible) {
      this.visible = visible;
    }

    @Override
    public void progress(String task, long done, long total) {
      if (!visible) {
        return;
      }
      if (!task.equals(current)) {
        close();
        current = task;
        bar =
            new ProgressBarBuilder()
                .setTaskName(task)
                .setInitialMax(total)
                .setStyle(ProgressBarStyle.ASCII)
                .setUpdateIntervalMillis(100)
                .build();
      }
      bar.stepTo(done);
    }

    @Override
    public void close() {
      if (bar != null) {
        bar.close();
        bar = null;
        current = null;
      }
    }
  }
}
