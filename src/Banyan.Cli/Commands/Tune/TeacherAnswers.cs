using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Evaluation.Models;
using Banyan.Evaluation.Transcripts;
using Banyan.Training.Data;

namespace Banyan.Cli.Commands.Tune;

/// <summary>A teacher's answers to the prompts of some data, as training data: one per line, in the prompts' order, written to disk as it
/// arrives. A second run requests only missing answers.</summary>
static class TeacherAnswers
{
    static readonly JsonSerializerOptions s_json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Requests the answers that a file lacks. Empty and truncated answers are dropped and counted.</summary>
    /// <exception cref="CommandException">The file has answers to other prompts.</exception>
    public static async Task WriteAsync(string path, string data, EvaluatedModel teacher, int? most, SamplingSettings sampling,
        CancellationToken cancellationToken)
    {
        var prompts = Prompts(data, most);
        var kinds = await teacher.KindsAsync(cancellationToken);
        Check(prompts, kinds, teacher);
        var done = File.Exists(path) ? await ReadAsync(path, prompts, teacher.Name, cancellationToken) : 0;
        Console.Error.WriteLine(done == prompts.Count ? $"teacher   {teacher.Name}: every answer is here"
            : $"teacher   {teacher.Name}: {prompts.Count - done:N0} of {prompts.Count:N0} answers to ask for");
        await using var file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read);
        var batch = Math.Max(1, teacher.Parallel);
        for (; done < prompts.Count; done = Math.Min(prompts.Count, done + batch))
        {
            var answers = await Task.WhenAll(prompts.Skip(done).Take(batch).Select(p => AskAsync(teacher, p, sampling, cancellationToken)));
            foreach (var (prompt, answer) in prompts.Skip(done).Zip(answers))
                await file.WriteAsync(Encoding.UTF8.GetBytes(Line(prompt, answer, teacher.Name) + "\n"), cancellationToken);
            file.Flush(flushToDisk: true);
            if (!Console.IsErrorRedirected)
                Console.Error.Write($"\rteacher   {Math.Min(prompts.Count, done + batch):N0}/{prompts.Count:N0} answers\e[K");
        }
        if (!Console.IsErrorRedirected)
            Console.Error.Write("\r\e[K");
    }

    /// <summary>Selects the answers that can be trained on.</summary>
    public static void Select(string answers, string path)
    {
        var (all, kept) = (0, 0);
        using (var file = new StreamWriter(path + ".tmp"))
            foreach (var line in File.ReadLines(answers))
            {
                all++;
                var record = JsonNode.Parse(line)!.AsObject();
                if ((string?)record["finish"] != "stop")
                    continue;
                kept++;
                foreach (var key in new[] { "finish", "teacher" })
                    record.Remove(key);
                file.WriteLine(record.ToJsonString(s_json));
            }
        if (kept == 0)
            throw new CommandException(
                $"none of the teacher's {all:N0} answers is whole: let it write more (--max-tokens), or take another teacher");
        File.Move(path + ".tmp", path, overwrite: true);
        if (kept < all)
            Console.Error.WriteLine($"          {all - kept:N0} answers left out, as they are empty or cut off (--max-tokens)");
    }

    static List<DataPrompt> Prompts(string data, int? most)
    {
        try
        {
            return [.. DataPrompt.Read(data).Take(most ?? int.MaxValue)];
        }
        catch (DataException e)
        {
            throw new CommandException(e.Message);
        }
    }

    static void Check(List<DataPrompt> prompts, IReadOnlySet<PromptKind> kinds, EvaluatedModel teacher)
    {
        if (prompts.Count == 0)
            throw new CommandException("the data has no prompts to ask the teacher");
        if (prompts.Find(p => !kinds.Contains(KindOf(p))) is { } other)
            throw new CommandException(
                $"{other.Place}: {teacher.Name} cannot be asked it as {(other.IsChat ? "a message" : "a text to go on with")}: give the data as {(other.IsChat ? "prompts" : "messages")}, or take another teacher");
    }

    static PromptKind KindOf(DataPrompt prompt) => prompt.IsChat ? PromptKind.Chat : PromptKind.Completion;

    // How many there are; a line that a kill cut off goes.
    static async Task<int> ReadAsync(string path, List<DataPrompt> prompts, string teacher, CancellationToken cancellationToken)
    {
        var text = await File.ReadAllTextAsync(path, cancellationToken);
        var whole = text.LastIndexOf('\n') + 1;
        if (whole < text.Length)
            await File.WriteAllTextAsync(path, text[..whole], cancellationToken);
        var lines = text[..whole].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i < lines.Length; i++)
        {
            var record = JsonNode.Parse(lines[i])!;
            if (i >= prompts.Count || (string?)record["teacher"] != teacher
                || (string?)(prompts[i].IsChat ? record["messages"]!.AsArray()[^2]!["content"] : record["prompt"]) != prompts[i].Text)
                throw new CommandException(
                    $"{path} has answers of another teacher or to other prompts: --restart asks anew, or use another folder");
        }
        return lines.Length;
    }

    static Task<ModelAnswer> AskAsync(EvaluatedModel teacher, DataPrompt prompt, SamplingSettings sampling,
        CancellationToken cancellationToken) =>
        teacher.AnswerAsync(new(KindOf(prompt), prompt.Text) { System = prompt.System }, sampling, 0, cancellationToken);

    static string Line(DataPrompt prompt, ModelAnswer answer, string teacher)
    {
        var isWhole = answer.Finish == "stop" && !string.IsNullOrWhiteSpace(answer.Text);
        var record = new JsonObject
        {
            ["teacher"] = teacher,
            ["finish"] = isWhole ? "stop" : answer.Finish == "stop" ? "empty" : answer.Finish
        };
        if (!prompt.IsChat)
            (record["prompt"], record["completion"]) = (prompt.Text, answer.Text);
        else
        {
            var messages = new JsonArray();
            foreach (var (role, content) in new[] { ("system", prompt.System), ("user", prompt.Text), ("assistant", answer.Text) })
                if (content is not null)
                    messages.Add((JsonNode)new JsonObject { ["role"] = role, ["content"] = content });
            record["messages"] = messages;
        }
        return record.ToJsonString(s_json);
    }
}
