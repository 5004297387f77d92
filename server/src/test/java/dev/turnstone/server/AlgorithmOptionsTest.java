package dev.turnstone.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.trainerbridge.algorithm.Aggregation;
import dev.turnstone.trainerbridge.algorithm.Algorithm;
import dev.turnstone.trainerbridge.algorithm.Correction;
import dev.turnstone.trainerbridge.algorithm.KlPenalty;
import dev.turnstone.trainerbridge.algorithm.Objective;
import dev.turnstone.trainerbridge.algorithm.PolicyLoss;
import dev.turnstone.trainerbridge.algorithm.Proximal;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

class AlgorithmOptionsTest {
  private static Objective parse(String... arguments) {
    var options = new AlgorithmOptions();
    new CommandLine(CommandLine.Model.CommandSpec.create().addMixin("algorithm", spec(options)))
        .parseArgs(arguments);
    return options.objective();
  }

  private static CommandLine.Model.CommandSpec spec(AlgorithmOptions options) {
    return CommandLine.Model.CommandSpec.forAnnotatedObject(options);
  }

  @Test
  void withoutOptionsItIsGrpoAsItIs() {
    assertThat(parse()).isEqualTo(Algorithm.named("grpo").objective());
  }

  @Test
  void everyOptionChangesItsPart() {
    Objective objective =
        parse(
            "--algorithm=dr_grpo",
            "--clip-low=0.1",
            "--clip-high=0.3",
            "--dual-clip=3",
            "--aggregation=rollout_mean",
            "--constant-length=77",
            "--correction=none",
            "--proximal=behaviour",
            "--kl=0.5",
            "--kl-estimator=k1+");
    assertThat(objective.clip()).isEqualTo(new PolicyLoss.Clip(0.1, 0.3, 3));
    assertThat(objective.aggregation()).isEqualTo(Aggregation.ROLLOUT_MEAN);
    assertThat(objective.constantLength()).isEqualTo(77);
    assertThat(objective.correction()).isEqualTo(new Correction.None());
    assertThat(objective.proximal()).isEqualTo(Proximal.BEHAVIOUR);
    assertThat(objective.kl())
        .isEqualTo(new KlPenalty(0.5, KlPenalty.Estimator.K1, KlPenalty.Gradient.K2));
    assertThat(objective.advantage()).isEqualTo(Algorithm.named("dr_grpo").objective().advantage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          --aggregation=mean    | --aggregation is none of token_mean, sequence_sum
          --proximal=mine       | --proximal is none of recomputed, behaviour, interpolated: mine
          --proximal=behaviour  | correction must be none
          --clip-low=3          | clip-low is not in [0, 1]: 3.0
          --clip-high=-1        | clip-high < 0: -1.0
          --dual-clip=0.5       | dual-clip is not above 1: 0.5
          --constant-length=0   | constant-length < 1: 0
          --kl=-1               | kl < 0: -1.0
          --kl-estimator=k4     | kl estimator "k4" is none of
          """)
  void aBadValueIsNamed(String argument, String sentence) {
    assertThatThrownBy(() -> parse(argument))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(sentence);
  }
}
