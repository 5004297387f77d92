package dev.turnstone.sandbox.jail;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

final class UsersTest {
  @Test
  void aUserIsOneProgramsAloneUntilItIsGivenBack() throws JailLost {
    Users users = new Users(64_000, 3);

    assertThat(users.take()).isEqualTo(64_000);
    users.giveBack(64_000);
    assertThat(users.take()).as("the one free for longest").isEqualTo(64_001);
    assertThat(users.take()).isEqualTo(64_002);
    assertThat(users.take()).isEqualTo(64_000);
    assertThatThrownBy(users::take).isInstanceOf(JailLost.class).hasMessageContaining("is taken");
  }
}
