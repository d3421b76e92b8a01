package io.github.demitasse.natives.presets;

import org.bytedeco.javacpp.annotation.NoException;
import org.bytedeco.javacpp.annotation.Platform;
import org.bytedeco.javacpp.annotation.Properties;

/** Tells JavaCPP which headers become {@code Demitasse}, which extends this class. */
@Properties(
    inherit = DemitassePresets.class,
    value =
        @Platform(
            include = {
              "demitasse/status.h",
              "demitasse/types.h",
              "demitasse/system.h",
              "demitasse/weight.h",
              "demitasse/bits.h",
              "demitasse/linalg.h",
              "demitasse/program.h",
              "direct_buffer.h"
            },
            link = "demitasse",
            compiler = "cpp17"),
    target = "io.github.demitasse.natives",
    global = "io.github.demitasse.natives.Demitasse")
@NoException
public class DemitasseBindings {}
