using System.CommandLine;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan completion SHELL</c>: the script with which a shell completes banyan's commands and options.</summary>
sealed class Completion : Command
{
    static readonly Dictionary<string, string> s_scripts = new()
    {
        ["bash"] = """
            _banyan() {
                local IFS=$'\n'
                COMPREPLY=($(compgen -W "$(banyan "[suggest:$COMP_POINT]" "$COMP_LINE" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
            }
            complete -o default -F _banyan banyan ./banyan
            """,
        ["zsh"] = """
            _banyan() {
                local -a found
                found=("${(@f)$(banyan "[suggest:$#BUFFER]" "$BUFFER" 2>/dev/null)}")
                (( ${#found[1]} )) && compadd -- $found || _files
            }
            (( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
            compdef _banyan banyan
            """,
        ["fish"] = """
            complete -c banyan -a '(banyan "[suggest:"(commandline -C)"]" (commandline) 2>/dev/null)'
            """,
        ["pwsh"] = """
            Register-ArgumentCompleter -Native -CommandName banyan -ScriptBlock {
                param($word, $ast, $cursor)
                banyan "[suggest:$cursor]" "$ast" 2>$null | Where-Object { $_ -like "$word*" } |
                    ForEach-Object { [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_) }
            }
            """,
    };

    readonly Argument<string> _shell = new("SHELL") { Description = string.Join(", ", s_scripts.Keys) };

    public Completion() : base("completion", """
        Print the script with which a shell completes banyan's commands and options

        Examples:
          source <(banyan completion bash)                          now; in ~/.bashrc: always
          source <(banyan completion zsh)
          banyan completion fish > ~/.config/fish/completions/banyan.fish
          banyan completion pwsh | Out-String | Invoke-Expression
        """)
    {
        _shell.AcceptOnlyFromAmong([.. s_scripts.Keys]);
        this.AddAll(_shell);
        SetAction(Execute);
    }

    int Execute(ParseResult arguments)
    {
        Console.Out.WriteLine(s_scripts[arguments.GetRequiredValue(_shell)]);
        return 0;
    }
}
