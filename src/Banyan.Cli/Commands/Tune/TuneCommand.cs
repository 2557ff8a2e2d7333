using System.CommandLine;

namespace Banyan.Cli.Commands.Tune;

/// <summary><c>banyan tune BASE DATA --out DIR</c>: adapt a model.</summary>
static class TuneCommand
{
    const string Description = """
        Adapt a model to your own data: train an adapter (LoRA) beside it

        DATA is JSON lines of conversations, prompts and completions, preferences or texts, Parquet, plain text, or a folder of source code.
        It is checked first. A part is held out and measured before and after. Ctrl-C stops; the same command resumes.
        DIR gets the adapter for PEFT and for llama.cpp, and a model card.

        Examples:
          banyan tune coder.gguf chats.jsonl --out mine
          banyan tune Qwen/Qwen2.5-Coder-0.5B src/ --fim 0.5 --out mine --epochs 1
          banyan tune coder.gguf my-lab/chats --out mine --price-per-kwh 0.28 --watts 45
          banyan tune --config mine/tune.toml --out again
          banyan tune coder.gguf pairs.jsonl --objective dpo --out mine --steps 100 --json
          banyan run coder.gguf --adapter mine "…"
          banyan tune evaluate coder.gguf mine
          banyan tune merge coder.gguf mine coder-mine.gguf
        """;

    public static Command Create()
    {
        var command = new Command("tune", Description) { new DistillCommand(), new EvaluateCommand(), new MergeCommand() };
        var choices = new TuneChoices(command);
        command.SetAction(arguments => choices.Read(arguments).RunAsync());
        return command;
    }
}
