using System.CommandLine;
using Banyan.Client;
using Banyan.Evaluation;
using Banyan.Evaluation.Reports;

namespace Banyan.Cli.Commands.Eval;

/// <summary><c>banyan eval key</c>: the key that signs reports, and its registration at a hub.</summary>
sealed class SigningKeyCommand : Command
{
    readonly Option<string> _key = new("--key")
    {
        Description = "the file of the signing key, made if there is none",
        DefaultValueFactory = _ => SigningKey.DefaultFile
    };
    readonly Option<bool> _register =
        new("--register")
        {
            Description =
            "register it at a hub as yours, with your token: reports that it signed are shown there with your name"
        };
    readonly Option<string?> _name = new("--name") { Description = "with --register: what to call it there", HelpName = "NAME" };
    readonly Option<string?> _prove = new("--prove")
    {
        Description = "print the proof that a hub's page asks for, with --as and --hub",
        HelpName = "CHALLENGE"
    };
    readonly Option<string?> _user = new("--as") { Description = "with --prove: your name there", HelpName = "USER" };
    readonly Option<string?> _hub = new("--hub")
    {
        Description = "The hub's address (default: the variable HF_ENDPOINT, or http://localhost:8080)",
        HelpName = "URL",
    };

    public SigningKeyCommand() : base("key", """
        Show the key that signs your reports, or show a hub that it is yours

        Examples:
          banyan eval key
          banyan eval key --register --hub https://hub.example.org --name laptop
        """)
    {
        this.AddAll(_key, _register, _name, _prove, _user, _hub);
        SetAction((result, cancellationToken) => JudgeChoices.RunAsync(() => ExecuteAsync(result, cancellationToken)));
    }

    async Task<int> ExecuteAsync(ParseResult result, CancellationToken cancellationToken)
    {
        var key = SigningKey.OpenOrCreate(result.GetRequiredValue(_key));
        if (result.GetValue(_prove) is { } challenge)
        {
            if (result.GetValue(_user) is not { Length: > 0 } user || result.GetValue(_hub) is not { Length: > 0 } hub)
                throw new EvaluationException("--prove: whose key is it, and where? Copy --as and --hub from the page too");
            Console.WriteLine($"{key.PublicKey} {key.Prove(hub, user, challenge)}");
            return 0;
        }
        if (!result.GetValue(_register))
        {
            Console.WriteLine(key.PublicKey);
            return 0;
        }
        try
        {
            var options = HubClientOptions.FromEnvironment(result.GetValue(_hub));
            using var client = new HubClient(options);
            var owner = await client.RegisterSigningKeyAsync(key.PublicKey, result.GetValue(_name), key.Prove, cancellationToken);
            Console.WriteLine($"{key.PublicKey} is {owner}'s key at {options.Endpoint.Authority}.");
            return 0;
        }
        catch (Exception e) when (e is ArgumentException or HubClientException)
        {
            throw new EvaluationException(e.Message);
        }
    }
}
