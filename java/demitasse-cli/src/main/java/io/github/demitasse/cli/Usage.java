package io.github.demitasse.cli;

import java.io.PrintWriter;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Thread-safe: wrong usage: one line that says what is wrong, one that says where to read on. */
final class Usage {
  private Usage() {}

  /** Fails with the message unless the condition holds. */
  static void require(boolean condition, CommandSpec command, String message) {
    if (!condition) {
      throw new ParameterException(command.commandLine(), message);
    }
  }

  static int report(ParameterException wrong, String[] arguments) {
    CommandLine command = wrong.getCommandLine();
    PrintWriter err = command.getErr();
    String message = message(wrong, command.getCommandSpec().subcommands().isEmpty());
    err.println("demitasse: " + message + suggestion(wrong));
    err.println("Try: " + command.getCommandSpec().qualifiedName() + " --help");
    err.flush();
    return CommandLine.ExitCode.USAGE;
  }

  private static String message(ParameterException wrong, boolean ofCommand) {
    if (wrong instanceof UnmatchedArgumentException unmatched && !unmatched.isUnknownOption()) {
      String argument = unmatched.getUnmatched().get(0);
      return ofCommand
          ? "one argument too many: '" + argument + "'"
          : "there is no command '" + argument + "'";
    }
    String first = wrong.getMessage().lines().findFirst().orElse("wrong usage");
    return first.replaceFirst("^Error: ", "");
  }

  private static String suggestion(ParameterException wrong) {
    if (wrong instanceof UnmatchedArgumentException unmatched) {
      List<String> similar = unmatched.getSuggestions();
      return similar.isEmpty() ? "" : "; did you mean " + String.join(" or ", similar) + "?";
    }
    return "";
  }
}
