using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Files;
using Banyan.Runtime.Templates;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Nodes;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan template MODEL_OR_JINJA</c>: the prompt that a model's chat template makes of messages.</summary>
sealed class Template : Command
{
    const string About =
        "Render a model's chat template: messages in, the prompt out\n\nMODEL_OR_JINJA is a .jinja file, a GGUF, a safetensors file or a folder. "
        + "Standard input is a JSON object: messages, tools, add_generation_prompt, bos_token, eos_token; now is the time that strftime_now sees (else the clock's); any other key is a variable of the template.\n\n"
        + "With --json the answer is one object, {\"text\": …} or {\"error\": …}, and the exit code is 0 for both: the question was answered. "
        + "It is 1 when the template or the input could not be read. Without --json a template's error goes to standard error with exit code 1.\n\n"
        + "Examples:\n"
        + "  echo '{\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}],\"add_generation_prompt\":true}' | banyan template model.gguf\n"
        + "  banyan template chat_template.jinja --json < conversation.json";

    static readonly JsonSerializerOptions s_json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    readonly Argument<string> _source = new("MODEL_OR_JINJA")
    {
        Description = "A .jinja file, a .gguf or .safetensors file, or a model's folder.",
    };
    readonly Option<bool> _json = CommandParts.Json("Answer with one JSON object.");

    public Template() : base("template", About)
    {
        this.AddAll(_source, _json);
        SetAction(ExecuteAsync);
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancel)
    {
        var jinja = Read(arguments.GetValue(_source)!);
        var variables = Variables((await StandardStreams.ReadAllAsync("a JSON object with messages", cancel)).TrimStart('\uFEFF'));
        return Answer(jinja, variables, arguments.GetValue(_json));
    }

    static int Answer(string jinja, JsonObject variables, bool json)
    {
        var now = Now(variables);
        try
        {
            var text = ChatTemplate.Parse(jinja).Render(variables, now);
            Write(json ? new JsonObject { ["text"] = text }.ToJsonString(s_json) + "\n" : text);
            return 0;
        }
        catch (TemplateException e) when (json)
        {
            Write(new JsonObject { ["error"] = e.Message }.ToJsonString(s_json) + "\n");
            return 0;
        }
        catch (TemplateException e)
        {
            throw new CommandException($"{e.Message}{(e.Line is { } line && e.Column is null ? $" (line {line})" : "")}");
        }
    }

    static string Read(string path)
    {
        if (path.EndsWith(".jinja", StringComparison.OrdinalIgnoreCase))
            return File.ReadAllText(path);
        using var file = ModelFile.Open(path);
        return file.Metadata.Get<string?>("tokenizer.chat_template", null)
            ?? throw new FormatException($"{path} has no chat template; name a .jinja file instead");
    }

    static JsonObject Variables(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return ChatTemplate.ReadVariables(document.RootElement) as JsonObject
                ?? throw new FormatException("standard input must be a JSON object such as {\"messages\": […]}");
        }
        catch (JsonException e)
        {
            throw new FormatException($"standard input is no JSON object: {JsonProblem.Of(e)}");
        }
    }

    // A time without a zone is taken as it stands.
    static DateTimeOffset Now(JsonObject variables)
    {
        if (!variables.Remove("now", out var now) || now is null)
            return DateTimeOffset.Now;
        return now is JsonValue value && value.TryGetValue<string>(out var text)
            && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time
            : throw new FormatException($"now must be a time such as \"2026-11-23T12:00:00\", not {now.ToJsonString()}");
    }

    // UTF-8 without a byte order mark, whatever the console's own encoding; a prompt ends without a newline of ours.
    static void Write(string text)
    {
        using var output = Console.OpenStandardOutput();
        output.Write(Encoding.UTF8.GetBytes(text));
    }
}
