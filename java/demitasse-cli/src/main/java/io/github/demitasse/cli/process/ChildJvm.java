package io.github.demitasse.cli.process;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Thread-safe: the command line of this program in a process of its own. */
public final class ChildJvm {
  private ChildJvm() {}

  /** What starts a main class of this program with the class path and Java of this process. */
  public static ProcessBuilder of(String mainClass, List<String> arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    // The manifest, which says so for java -jar, is not read for a class path.
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("--add-exports=java.base/sun.nio.ch=ALL-UNNAMED");
    command.add("--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED");
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), mainClass));
    command.addAll(arguments);
    return new ProcessBuilder(command);
  }
}
