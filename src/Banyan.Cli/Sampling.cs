using System.CommandLine;
using System.Text.Json;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Generation.Grammars;

namespace Banyan.Cli;

/// <summary>The options of sampling, the same for every command that generates text.</summary>
sealed class Sampling
{
    readonly Option<float?> _temperature = new("--temperature", "-T")
    {
        Description = "0: always the most likely token; higher: more varied (default 0.7; 0 with --fim)",
    };
    readonly Option<int> _topK = new("--top-k") { Description = "Choose among this many tokens (0: all)" };
    readonly Option<float> _topP = new("--top-p")
    {
        Description = "Choose among the likeliest tokens that reach this probability",
        DefaultValueFactory = _ => 0.95f,
    };
    readonly Option<float> _minP = new("--min-p")
    {
        Description = "Leave out tokens less likely than this fraction of the likeliest",
        DefaultValueFactory = _ => 0.05f,
    };
    readonly Option<float> _repetition = new("--repetition-penalty")
    {
        Description = "Above 1: less repetition",
        DefaultValueFactory = _ => 1f,
    };
    readonly Option<float> _presence = new("--presence-penalty") { Description = "Above 0: new tokens rather than those already used" };
    readonly Option<float> _frequency = new("--frequency-penalty") { Description = "Above 0: the more often used, the less likely" };
    readonly Option<ulong?> _seed = new("--seed") { Description = "The same seed gives the same text" };
    readonly Option<string[]> _stop = new("--stop") { Description = "End before this text (may be given several times)" };
    readonly Option<int?> _maxTokens = new("--max-tokens", "-n")
    {
        Description = "The most tokens to generate (default: until the model ends or the context is full)",
    };

    readonly Option<string?> _schema = new("--schema")
    {
        Description = "A file with a JSON Schema that the answer follows, whatever the model would rather write",
        HelpName = "FILE",
    };
    readonly Option<string?> _grammar = new("--grammar")
    {
        Description = "A file with a grammar (GBNF) that the answer follows",
        HelpName = "FILE",
    };
    readonly Option<string?> _regex = new("--regex")
    {
        Description = "A regular expression that the whole answer matches",
        HelpName = "PATTERN",
    };

    /// <summary>Adds its options to a command, with the API's ranges.</summary>
    public Sampling(Command command)
    {
        _temperature.Between(0f, 2f);
        _topK.Between(0, int.MaxValue);
        _topP.Between(0f, 1f);
        _minP.Between(0f, 1f);
        _repetition.Between(0.01f, 10f);
        _presence.Between(-2f, 2f);
        _frequency.Between(-2f, 2f);
        _maxTokens.Between(1, int.MaxValue);
        command.AddAll(_temperature, _topK, _topP, _minP, _repetition, _presence, _frequency, _seed, _stop, _maxTokens,
            _schema, _grammar, _regex);
    }

    /// <summary>The chosen options.</summary>
    public GenerationOptions Read(ParseResult arguments, float temperature = 0.7f) => new()
    {
        Temperature = arguments.GetValue(_temperature) ?? temperature,
        TopK = arguments.GetValue(_topK),
        TopP = Math.Max(arguments.GetValue(_topP), 1e-6f), // 0 is the most likely token alone, as in the API
        MinP = arguments.GetValue(_minP),
        RepetitionPenalty = arguments.GetValue(_repetition),
        PresencePenalty = arguments.GetValue(_presence),
        FrequencyPenalty = arguments.GetValue(_frequency),
        Seed = arguments.GetValue(_seed),
        Stop = arguments.GetValue(_stop) ?? [],
        MaxTokens = arguments.GetValue(_maxTokens) ?? int.MaxValue,
        Grammar = ReadGrammar(arguments),
    };

    Grammar? ReadGrammar(ParseResult arguments)
    {
        var asked = new[] { ("--schema", arguments.GetValue(_schema)), ("--grammar", arguments.GetValue(_grammar)),
            ("--regex", arguments.GetValue(_regex)) }.Where(a => a.Item2 is not null).ToList();
        if (asked.Count == 0)
            return null;
        if (asked.Count > 1)
            throw new CommandException($"{asked[0].Item1} and {asked[1].Item1} both say what the answer must look like: give one of them");
        var (option, value) = asked[0];
        try
        {
            return option switch
            {
                "--schema" => Grammar.JsonSchema(File.ReadAllText(value!)),
                "--grammar" => Grammar.Gbnf(File.ReadAllText(value!)),
                _ => Grammar.Regex(value!),
            };
        }
        catch (Exception e) when (e is GrammarException or JsonException or IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"{option} {value}: {e.Message}");
        }
    }
}
