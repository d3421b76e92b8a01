package io.github.demitasse.natives.presets;

import org.bytedeco.javacpp.annotation.NoException;
import org.bytedeco.javacpp.annotation.Platform;
import org.bytedeco.javacpp.annotation.Properties;
import org.bytedeco.javacpp.tools.Info;
import org.bytedeco.javacpp.tools.InfoMap;
import org.bytedeco.javacpp.tools.InfoMapper;

/**
 * Build-time description of the C ABI for JavaCPP: which headers become {@code Demitasse}, and how
 * their types map to Java.
 */
@Properties(
    inherit = org.bytedeco.javacpp.presets.javacpp.class,
    value =
        @Platform(
            include = {
              "demitasse/status.h",
              "demitasse/types.h",
              "demitasse/system.h",
              "demitasse/weight.h",
              "demitasse/linalg.h",
              "demitasse/program.h"
            },
            link = "demitasse",
            compiler = "cpp17"),
    target = "io.github.demitasse.natives",
    global = "io.github.demitasse.natives.Demitasse")
@NoException
public class DemitassePresets implements InfoMapper {
  @Override
  public void map(InfoMap infoMap) {
    infoMap
        .put(new Info("DMT_API").cppTypes().annotations())
        // Strings are short and rare: no need for the caller to hold them as native memory.
        .put(new Info("const char").valueTypes("byte").pointerTypes("String"))
        .put(new Info("dmt_program").pointerTypes("ProgramPointer"))
        .put(new Info("dmt_weight").pointerTypes("WeightPointer"));
  }
}
