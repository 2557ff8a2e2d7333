using System.CommandLine;
using Banyan.Cli.Commands;

var banyan = new RootCommand("Share, run, adapt, measure and spread open AI models.")
{
    Inspect.Create(),
    Synthesize.Create(),
};
return await banyan.Parse(args).InvokeAsync();
