using System.CommandLine;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan serve MODEL</c>: models over HTTP.</summary>
static class Serve
{
    public static Command Create()
    {
        var command = new Command("serve", """
            Serve models over HTTP: OpenAI's API, llama.cpp's /infill, and a playground

            The first model answers requests that name none; the others are loaded when they are first asked for.

            Examples:
              banyan serve qwen2.5-coder-1.5b-q4_k_m.gguf
              banyan serve coder.gguf chat.gguf --port 9000 --api-key secret
              curl localhost:8080/v1/completions -d '{"prompt": "def add(a, b):", "max_tokens": 32}'
            """);
        var models = new Argument<string[]>("MODEL") { Description = "A .gguf, a .safetensors, or a folder with one", Arity = ArgumentArity.OneOrMore };
        command.Arguments.Add(models);
        var server = new ServerChoice(command);
        command.SetAction((arguments, cancellationToken) =>
        {
            var paths = arguments.GetRequiredValue(models);
            return paths.FirstOrDefault(p => !File.Exists(p) && !Directory.Exists(p)) is { } missing
                ? throw new CommandException($"there is no file or folder '{missing}': give the path of a .gguf, a .safetensors, or a folder with one")
                : server.RunAsync(arguments, paths, null, null, cancellationToken);
        });
        return command;
    }
}
