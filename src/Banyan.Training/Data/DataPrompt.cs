using System.Text.Json.Nodes;
using Banyan.Training.Data.Records;
using Banyan.Training.Data.Shapes;

namespace Banyan.Training.Data;

/// <summary>The prompt of a record, with or without an answer; a teacher answers it.</summary>
/// <param name="Place">Its position.</param>
/// <param name="System">The system message; null if there is none.</param>
/// <param name="Text">The first user message, or the text to continue.</param>
/// <param name="IsChat">Whether it is a chat message.</param>
public sealed record DataPrompt(string Place, string? System, string Text, bool IsChat)
{
    /// <summary>The prompts of a file or a folder: the first question of a conversation, the prompt of a completion or preference, the
    /// beginning of a text.</summary>
    /// <exception cref="DataException">There are no prompts, or a record has none.</exception>
    public static IEnumerable<DataPrompt> Read(string path)
    {
        foreach (var file in DataFiles.Find(path))
        {
            if (DataFiles.IsText(file))
                throw new DataException($"{file} is plain text, which asks nothing: records with messages or prompts are needed");
            foreach (var record in DataFiles.Read(file))
            {
                DataPrompt prompt;
                try
                {
                    prompt = Of(record.Place, record.Problem is { } problem ? throw new RecordException(problem) : record.Json!);
                }
                catch (RecordException e)
                {
                    throw new DataException($"{record.Place}: {e.Message}");
                }
                yield return prompt;
            }
        }
    }

    static DataPrompt Of(string place, JsonObject record)
    {
        if (record["instruction"] is not null)
        {
            var (instruction, input) = (RecordShape.NeedText(record, "instruction"), Conversation.Text(record["input"]) ?? "");
            return new(place, Conversation.Text(record["system"]),
                input.Length == 0 ? instruction : $"{instruction}\n{input}", IsChat: true);
        }
        var asked = record["messages"] ?? record["conversations"] ?? record["conversation"] ?? RecordShape.Need(record, "prompt");
        if (asked is not JsonArray turns)
            return new(place, null, RecordShape.NeedText(record, "prompt"), IsChat: false);
        var messages =
            turns.Select((turn, i) =>
                ShareGpt.Message(turn as JsonObject
                    ?? throw new RecordException($"message {i + 1} is {Conversation.Describe(turn)}, where an object is needed"), i + 1))
                    .ToList();
        string? First(string role) => messages.Where(m => Conversation.Text(m["role"]) == role).Select(m => Conversation.Text(m["content"]))
            .FirstOrDefault(t => t is { Length: > 0 });
        return new(place, First("system") ?? First("developer") ?? Conversation.Text(record["system"]),
            First("user") ?? throw new RecordException("it has no message of a user's with a text"), IsChat: true);
    }
}
