/// The completion pipeline that every generating surface is a view over: an [Ask] becomes a
/// [Completion] of [Choice]s, whose ids arrive one at a time and become text, tool calls and an
/// end.
@NullMarked
package dev.turnstone.server.completion;

import org.jspecify.annotations.NullMarked;
