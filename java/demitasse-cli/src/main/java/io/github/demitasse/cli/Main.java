package io.github.demitasse.cli;

import java.io.PrintWriter;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The {@code demitasse} command. Exit codes: 0 done, 1 failed, 2 wrong usage. */
@Command(
    name = "demitasse",
    description = "Makes neural networks small and runs them fast on the JVM.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      InspectCommand.class,
      CompressCommand.class,
      EvaluateCommand.class,
      AnalyzeCommand.class,
      BenchmarkCommand.class,
      RunCommand.class,
      ConvertCommand.class
    },
    footer = {
      "",
      "Start here:",
      "  demitasse inspect model.onnx",
      "  demitasse compress model.onnx --preset int8 -o model.dmt",
      "  demitasse benchmark model.dmt --shape input_ids=32x128 --against model.onnx",
      "",
      "Every command has its own --help. Exit codes: 0 done, 1 failed, 2 wrong usage."
    })
public final class Main implements Runnable {
  private static final int HELP_WIDTH = 100;

  @Spec private CommandSpec spec;

  public static void main(String[] arguments) {
    System.exit(
        execute(new PrintWriter(System.out, true), new PrintWriter(System.err, true), arguments));
  }

  static int execute(PrintWriter out, PrintWriter err, String... arguments) {
    CommandLine command =
        new CommandLine(new Main())
            .setOut(out)
            .setErr(err)
            .setParameterExceptionHandler(Usage::report)
            .setExecutionExceptionHandler(Failures::report)
            .setCaseInsensitiveEnumValuesAllowed(true)
            .setUsageHelpWidth(HELP_WIDTH)
            .setExpandAtFiles(false);
    int code;
    try {
      code = command.execute(arguments);
    } catch (LinkageError | VirtualMachineError | AssertionError failure) {
      // The handler of exceptions does not see these.
      code = Failures.report(failure, err, List.of(arguments).contains("--verbose"));
    }
    if (out.checkError()) {
      err.println("demitasse: standard output cannot be written");
      return CommandLine.ExitCode.SOFTWARE;
    }
    return code;
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "name a command");
  }

  /** The version of this jar. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = Main.class.getPackage().getImplementationVersion();
      return new String[] {"demitasse " + (version == null ? "(unpackaged)" : version)};
    }
  }
}
